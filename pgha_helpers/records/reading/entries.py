"""Finding records: every run of a folder as its journal tells it, whatever else may lie there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ...model.errors import BadParameters, said
from ...model.foreign import ODD
from ...run.events import FORMAT
from ...run.journal import JOURNAL, Story, read
from ...run.parameters.notebooks import NOTEBOOKS
from ..making import summary
from ..making.folder import record_name_of
from .index import Index, stamp_of
from .manifest import MANIFEST
from .wanted import ALL, Wanted
from .words import OUTCOMES, moment, plain

_NEVER = datetime.min.replace(tzinfo=UTC)
_SHAPES: Mapping[str, tuple[type, ...]] = {
    "verdicts": (list,),
    "allowed": (dict,),
    "deeds": (list,),
    "parameters": (dict,),
    "before": (dict,),
    "after": (dict,),
    "settings": (dict,),
    "gate": (dict,),
    "ready": (dict,),
    "lag": (dict,),
    "sizes": (dict,),
    "outage_seconds": (int, float),
    "outage_as_seen": (dict,),
    "outage": (dict,),
}


@dataclass(frozen=True)
class Entry:
    """One record: its folder, what its journal tells, and whether its manifest is written.

    `state` is ended, running, interrupted, `not begun` (a folder that was made and never used),
    `unreadable` or `newer version`; for the last two, `why` says more. `told` always has run,
    notebook, pair, began and outcome.
    """

    folder: Path
    told: Mapping[str, Any]
    sealed: bool
    state: str
    why: str = ""

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.told["run"])

    def as_json(self) -> dict[str, object]:
        """What record.json tells, with where it is and how far it may be believed."""
        rest = {"folder": str(self.folder), "state": self.state, "sealed": self.sealed}
        return {**self.told, **rest, **({"why": self.why} if self.why else {})}

    @property
    def legible(self) -> bool:
        """Whether more than the outcome may be believed and shown."""
        return self.state in ("ended", "running", "interrupted")


def entries(folder: Path, wanted: Wanted = ALL) -> list[Entry]:
    """The records of a folder, the newest first.

    Raises BadParameters if a wanted word is none that there could be. Other people's files and
    folders are passed over. A record that cannot be read is there, and says so.
    """
    index = Index(folder)
    found = [_indexed(path, index) for path in _folders(folder)]
    index.save()
    _refuse_unknown(
        "outcome", wanted.outcome, {*OUTCOMES, *(str(e.told["outcome"]) for e in found)}
    )
    _refuse_unknown(
        "notebook", wanted.notebook, {*NOTEBOOKS, *(str(e.told["notebook"]) for e in found)}
    )
    kept = [entry for entry in found if wanted.wants(entry.told)]
    return sorted(
        kept,
        key=lambda entry: (moment(entry.told["began"]) or _NEVER, entry.folder.name),
        reverse=True,
    )


def find(folder: Path, name: str) -> Entry:
    """The record of that run id, of the only run id that begins so, or of that folder name.

    Raises BadParameters, naming those that come near.
    """
    asked, paths = Path(name.strip()).name, _folders(folder)
    names = {path: record_name_of(path) for path in paths}
    ids = {path: known.run if known else "" for path, known in names.items()}
    if not any(asked in (path.name, ids[path]) or ids[path].startswith(asked) for path in paths):
        # a renamed folder: only its journal knows the id
        ids = {path: _entry(path).id for path in paths}
    exact = [path for path in paths if asked and asked in (path.name, ids[path])]
    begun = exact
    if asked and not exact:
        begun = [path for path in paths if ids[path].startswith(asked)]
    if len(begun) == 1:
        return _entry(begun[0])
    if not paths:
        raise BadParameters(f"there is no record in {folder}", "see `records:` in the pair file")
    if begun:
        raise BadParameters(
            f"{name!r} is the beginning of {len(begun)} records", f"say which: {_names(begun)}"
        )
    near = get_close_matches(asked, [*ids.values(), *(path.name for path in paths)], 3, 0.5)
    close = [path for path in paths if path.name in near or ids[path] in near]
    if not close:
        close = sorted(paths, reverse=True)[:3]
    raise BadParameters(
        f"there is no record {name!r} in {folder}", f"the nearest are {_names(close)}"
    )


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(sorted(plain(path.name) for path in paths))


def _folders(folder: Path) -> list[Path]:
    """The folders that are named as a record is, or hold a journal.

    Raises BadParameters if nothing can be listed.
    """
    try:
        with os.scandir(folder) as listed:
            inside = sorted(it.name for it in listed if _may_be_record(it))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadParameters(
            f"{folder} cannot be listed: {error.strerror}", "see `records:` in the pair file"
        ) from None
    return [folder / name for name in inside]


def _may_be_record(it: os.DirEntry[str]) -> bool:
    path = Path(it.path)
    try:
        return it.is_dir() and (record_name_of(path) is not None or (path / JOURNAL).is_file())
    except OSError:
        return record_name_of(path) is not None


def _indexed(folder: Path, index: Index) -> Entry:
    """A record as it was read when it was sealed; read now, if it has changed since, or is not."""
    stamp = stamp_of(folder)
    if stamp is not None and (told := index.known(folder.name, stamp)):
        return Entry(folder, told, sealed=True, state="ended")
    entry = _entry(folder)
    if stamp is not None and entry.state == "ended" and entry.sealed:
        index.keep(folder.name, stamp, entry.told)
    return entry


def _entry(folder: Path) -> Entry:
    name = record_name_of(folder)
    from_name = {
        "run": name.run if name else folder.name,
        "notebook": name.notebook if name else "",
        "pair": name.pair if name else "",
        "began": f"{name.began:%Y-%m-%dT%H:%M:%SZ}" if name else "",
    }
    told, state, why = _told(folder)
    known = {
        key: value for key, value in told.items() if value not in (None, "") or key not in from_name
    }
    outcome = {"outcome": state} if state not in ("ended", "running", "interrupted") else {}
    return Entry(folder, {**from_name, **known, **outcome}, _there(folder / MANIFEST), state, why)


def _told(folder: Path) -> tuple[dict[str, Any], str, str]:
    """What the journal tells, the state, and why it is not to be believed."""
    newer = max(_format(folder / summary.SUMMARY), _format(folder / MANIFEST))
    story, told, why = Story((), ""), {}, ""
    try:
        story = read(folder)
        told = summary.summarise(story)
        why = story.broken or _misshapen(told)
    except FileNotFoundError:
        began = _there(folder / summary.SUMMARY) or _there(folder / MANIFEST)
        why = "its journal is missing" if began else ""
    except (OSError, *ODD) as error:
        why = f"its journal cannot be read: {plain(said(error))}"
    if newer > summary.SUMMARY_FORMAT or story.format > FORMAT:
        return _legible(told), "newer version", "it was written by a newer version of pgha"
    if why:
        return _legible(told), "unreadable", why
    return told, story.state or "not begun", ""


def _legible(told: Mapping[str, Any]) -> dict[str, Any]:
    """Of a record that is not to be believed, the words that are shown beside the reason.

    Not what it changed.
    """
    words = {key: value for key, value in told.items() if isinstance(value, str)}
    if "typed" in told:
        words["typed"] = told["typed"]
    return words


def _misshapen(told: Mapping[str, Any]) -> str:
    for key, kinds in _SHAPES.items():
        value = told.get(key)
        if value is not None and not isinstance(value, kinds):
            return f"its {key} are not what this version writes"
        if isinstance(value, list) and not all(isinstance(item, Mapping) for item in value):
            return f"its {key} are not what this version writes"
    return ""


def _format(path: Path) -> int:
    """The format that a file of JSON says it has; 0 if it says none, or is not there."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return 0
    told = told.get("format") if isinstance(told, Mapping) else 0
    return told if isinstance(told, int) else 0


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _refuse_unknown(key: str, asked: str, known: set[str]) -> None:
    word, words = asked.strip().casefold(), sorted(each for each in known if each)
    if word and word not in (each.casefold() for each in words):
        near = get_close_matches(word, words, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(words)}"
        raise BadParameters(f"no record has the {key} {asked!r}", hint)
