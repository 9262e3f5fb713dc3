"""The executed notebook of a record as HTML that can be put into a page.

No script, no link, every picture inside.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from .harmless import harmless
from .notebooks import NOTEBOOK

_SHOWN_FIRST = [
    "text/html",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
    "text/markdown",
    "text/plain",
]


def executed(folder: Path) -> tuple[str, str]:
    """The notebook as HTML, and a sentence that says why there is none, one of them empty."""
    try:
        told = json.loads((folder / NOTEBOOK).read_bytes())
    except FileNotFoundError:
        return "", "The record holds no executed notebook."
    except (OSError, ValueError, RecursionError) as error:
        return "", f"The record's {NOTEBOOK} cannot be read, so it is not shown: {error}."
    if not isinstance(told, dict) or not isinstance(told.get("cells"), list):
        return "", f"The record's {NOTEBOOK} is not a notebook of a format that can be shown here."
    if not told["cells"]:
        return "", f"The record's {NOTEBOOK} has no cells."
    try:
        return harmless(_converted(told)), ""
    except Exception as error:  # whatever a notebook holds, the rest of its report is worth reading
        return "", f"The record's {NOTEBOOK} cannot be shown: {type(error).__name__}: {error}."


def preload() -> None:
    """Load what a report needs, half a second's work.

    For a thread, while something else is waited for.
    """
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A"}
    code = {
        **cell,
        "cell_type": "code",
        "id": "b",
        "source": "1",
        "outputs": [],
        "execution_count": 1,
    }
    _converted({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell, code]})


def _converted(told: dict[str, Any]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cells without ids, and of nbconvert's own past
        exporter = _exporter()
        import nbformat

        notebook = nbformat.reads(json.dumps(told), as_version=4)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                _describe(output)
        body, _ = exporter.from_notebook_node(notebook, {"config_dir": os.devnull})
    return str(body)


@functools.cache
def _exporter() -> Any:
    # jsonschema imports it where it is there, for formats that no notebook uses: 0.8 s
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    config = Config({"NbConvertBase": {"display_data_priority": _SHOWN_FIRST}})
    # each output is made harmless by itself: one that never closes what it opens must not swallow
    # the next ones
    ours: dict[str, Any] = {"filters": {"clean_html": harmless}, "sanitize_html": True}
    # else its templates, which are programs, are looked for where we stand
    ours["extra_template_basedirs"] = []
    exporter = HTMLExporter(template_name="basic", exclude_anchor_links=True, config=config, **ours)
    exporter.log = logging.getLogger("pgha.quiet")
    exporter.log.setLevel(logging.CRITICAL)
    return exporter


def _describe(output: Any) -> None:
    """A picture without words is nothing to somebody who cannot see it."""
    for kind in ("image/png", "image/jpeg"):
        if kind in output.get("data", {}):
            output.setdefault("metadata", {}).setdefault(kind, {}).setdefault(
                "alt", "The picture drawn by this cell"
            )
