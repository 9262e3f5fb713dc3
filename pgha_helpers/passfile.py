r"""Passfiles, as libpq reads them: host:port:database:user:password, where `\:` and `\\` stand for themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path


def entries(path: str) -> Iterator[tuple[str, ...]]:
    """The five fields of each line; none where the file cannot be read."""
    try:
        lines = Path(path).expanduser().read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        fields = fields_of(line)
        if not line.startswith("#") and len(fields) >= 5:
            yield fields[:5]


def password(path: str, *wanted: str) -> str:
    """The password for host, port, database and user; an empty string where no line fits.

    An empty `path` is libpq's default: PGPASSFILE, or ~/.pgpass.
    """
    for entry in entries(path or os.environ.get("PGPASSFILE", "") or "~/.pgpass"):
        if all(have in ("*", want) for have, want in zip(entry, wanted, strict=False)):
            return entry[4]
    return ""


def fields_of(line: str) -> tuple[str, ...]:
    r"""The fields of one line.

    >>> fields_of(r"h:1:db:u:a\:b")
    ('h', '1', 'db', 'u', 'a:b')
    """
    fields = re.findall(r"((?:\\.|[^:\\])*)(?::|$)", line)
    return tuple(re.sub(r"\\(.)", r"\1", field) for field in (fields[:-1] if line[-1:] != ":" else fields))
