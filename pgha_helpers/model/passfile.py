r"""Passfiles, as libpq reads them: host:port:database:user:password, where `\:` and `\\` stand for
themselves.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .foreign import lines_of, text_of
from .here import here


def lines_of_passfile(path: str) -> Iterator[tuple[str, ...]]:
    """The five fields of each line; none where the file cannot be read."""
    try:
        lines = lines_of(text_of(Path(here(path)).read_bytes()))
    except OSError:
        return
    for line in (line.rstrip("\r") for line in lines):  # a form feed ends no line of libpq's
        fields = fields_of(line)
        if not line.startswith("#") and len(fields) >= 5:
            yield fields[:5]


def password(path: str, *wanted: str) -> str:
    """The password for host, port, database and user; an empty string where no line fits.

    An empty `path` is libpq's default: PGPASSFILE, or ~/.pgpass.
    """
    for entry in lines_of_passfile(str(passfile_place(path))):
        if all(have in ("*", want) for have, want in zip(entry, wanted, strict=False)):
            return entry[4]
    return ""


def why_none(path: str, *wanted: str) -> str:
    """Why libpq takes no password from a passfile; empty where it would. Arguments as in
    `password`, host, port, database and user.
    """
    file = passfile_place(path)
    try:
        mode = file.stat().st_mode
    except OSError as error:
        return f"passfile {file}: {error.strerror}"
    if not stat.S_ISREG(mode):
        return f"passfile {file} is not a file"
    if mode & 0o077:
        return f"passfile {file} is ignored, because others may read it (mode {mode & 0o777:04o})"
    if password(path, *wanted):
        return ""
    user = wanted[-1]
    known = any(entry[3] in ("*", user) for entry in lines_of_passfile(str(file)))
    lacking = ":".join(wanted) if known else f"user {user!r}"
    return f"passfile {file} has no line for {lacking}"


def is_open_to_others(file: Path) -> bool:
    """Whether others than its owner may read or write it: then libpq ignores it."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o077)


def quiet(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a connection, of whose passfile libpq does not complain on stderr.

    One that it will not read is replaced by one that is not there; `why_none` tells the reason.
    """
    file = passfile_place(str(settings.get("passfile", "")))
    if not is_open_to_others(file):
        return dict(settings)
    return {**settings, "passfile": f"{file}/ignored"}


def passfile_place(path: str) -> Path:
    """The passfile that libpq reads: this one, or its default where `path` is empty."""
    return Path(here(path or os.environ.get("PGPASSFILE", "") or "~/.pgpass"))


def lines_as_of(path: str, there: tuple[str, str], here: tuple[str, str], user: str) -> str:
    """Lines by which this user logs in `here` as `there`, both a host and a port.

    Those of `there` in their order, for its host, its port and its name alone.
    """
    found = [
        (*here, database, user, word)
        for host, port, database, name, word in lines_of_passfile(str(passfile_place(path)))
        if host in ("*", there[0]) and port in ("*", there[1]) and name in ("*", user)
    ]
    return "".join(":".join(map(_escaped, fields)) + "\n" for fields in found)


def _escaped(field: str) -> str:
    r"""A field as it stands in a line.

    >>> _escaped("a:b")
    'a\\:b'
    """
    return re.sub(r"([\\:])", r"\\\1", field)


def fields_of(line: str) -> tuple[str, ...]:
    r"""The fields of one line.

    >>> fields_of(r"h:1:db:u:a\:b")
    ('h', '1', 'db', 'u', 'a:b')
    """
    fields = re.findall(r"((?:\\.|[^:\\])*)(?::|$)", line)
    return tuple(
        re.sub(r"\\(.)", r"\1", field) for field in (fields[:-1] if line[-1:] != ":" else fields)
    )
