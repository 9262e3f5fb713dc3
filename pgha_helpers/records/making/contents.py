"""The notebook's file while JupyterLab has it open: what its server reads and writes.

JupyterLab asks, in a dialog that covers the gate, whenever the file is not as this page has left
it: with two tabs on one notebook, and on a slow disk with one. So it is never told that; what a
page lacks is kept here instead. And a page that has lost what a cell said is given what the journal
has of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

from ...model.foreign import ODD
from ...run.events import RUN_BEGUN
from ...run.journal import Story, read
from ..reading import notebooks
from .by_journal import filled, without_journal
from .folder import record_folders, record_name_of

_Notebook = dict[str, Any]
#: Told in place of a digest: to a page the file is always as it was.
_UNCHANGED = {"hash": "not asked", "hash_algorithm": "none"}


class Contents(AsyncLargeFileManager):
    """What JupyterLab's server calls: named on its command line."""

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> dict[str, Any]:
        """A file for a page; a notebook with what its journal has of the cells that it lost."""
        found = super().get(path, content, type, format, require_hash)  # type: ignore[no-untyped-call]
        model: dict[str, Any] = await found
        if model["type"] == "notebook":
            if require_hash:
                model |= _UNCHANGED
            if content:
                model["content"] = self._told(path, model["content"])
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Save what a page has, and nothing less than what the file has of a newer run.

        Where the disk takes nothing the file stays as it is, and the page is not told.
        """
        if model.get("type") == "notebook" and "content" in model:
            kept = notebooks.load_notebook(self._file(path))
            model["content"] = to_save(model["content"], kept)
        try:
            saved: dict[str, Any] = await super().save(model, path)  # type: ignore[no-untyped-call]
        except HTTPError as error:
            if error.status_code < 500 or model.get("type") != "notebook":
                raise
            # a full disk: a dialog every five seconds would cover the gate, and save nothing
            self.log.error("%s is not saved, and goes on by its journal: %s", path, error)
            saved = await self.get(path, content=False)
        return saved

    def should_list(self, name: str) -> bool:
        """Whether the file browser shows a file: not one notebook under two names."""
        listed = super().should_list(name)  # type: ignore[no-untyped-call]
        return bool(listed) and name != notebooks.NOTEBOOK

    def _file(self, path: str) -> Path:
        return Path(os.path.realpath(self._get_os_path(path)))  # type: ignore[no-untyped-call]

    def _told(self, path: str, notebook: _Notebook) -> Any:
        try:
            story = newest_run_in(self._file(path), notebook)
            return nbformat.from_dict(filled(notebook, story)) if story else notebook
        except (OSError, *ODD) as odd:
            self.log.warning("The journal of %s is not shown: %s", path, odd)
            return notebook


def newest_run_in(file: Path, notebook: _Notebook) -> Story | None:
    """The journal of the newest run that was begun in this notebook, whether or not it shows it."""
    shown = notebooks.record_shown(notebook) or file.parent
    if record_name_of(shown) is None:
        return None
    for folder in record_folders(shown.parent):
        if folder.name < shown.name:
            break
        try:
            story = read(folder)
        except OSError:
            continue
        if story.first(RUN_BEGUN).get("file") == str(file):
            return story
    return None


def to_save(page: _Notebook, kept: _Notebook | None) -> _Notebook:
    """What is saved: the page, or of the same run whatever either has, or what a newer run left.

    Two tabs show one notebook, and each hears only the cells that it has begun itself.
    """
    page = without_journal(page)
    if kept is None:
        return page
    ours, theirs = _newest(page), _newest(kept)
    if ours != theirs:
        return page if ours > theirs else kept
    there = {cell.get("id"): cell for cell in kept["cells"] if cell.get("cell_type") == "code"}
    return {**page, "cells": [_fuller(cell, there.get(cell.get("id"))) for cell in page["cells"]]}


def _newest(notebook: _Notebook) -> str:
    """The newest run that is shown, by when it began: the name of its record."""
    shown = notebooks.record_shown(notebook)
    return shown.name if shown else ""


def _fuller(cell: _Notebook, kept: _Notebook | None) -> _Notebook:
    if kept is None or cell.get("execution_count") is not None:
        return cell
    if cell.get("outputs") and kept.get("execution_count") is None:
        return cell
    return {**cell, **{key: kept.get(key) for key in ("outputs", "execution_count")}}
