r"""The database lines of a pgbouncer.ini: read, and given another host and port. Everything else
stays as it is.

A line is `name = key=value ...`. A name with other characters than letters, digits and `_` stands
in double quotes, and a value with white space in single quotes; a quote inside is doubled. Comments
begin with `;` or `#`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SECTION = re.compile(r"\s*\[([^\]]*)\]")
_INCLUDE = re.compile(r"\s*%include\s+(\S.*?)\s*$")
_LINE = re.compile(r"""\s*(?:"((?:[^"]|"")*)"|([^\s="]+))\s*=\s*""")
_PAIR = re.compile(r"\s*([^\s=]+)\s*=\s*('(?:[^']|'')*'|[^\s']\S*|)(?=\s|$)")
_PLAIN = re.compile(r"[^\s']\S*")


@dataclass(frozen=True)
class Target:
    """Where a database line points: `host` is empty for a Unix socket's default directory."""

    host: str
    port: int


def targets(text: str) -> dict[str, Target]:
    """Where each database line points, by name; a name that is told twice counts as its last line
    does.

    Raises ValueError that quotes the name of a line whose connection string cannot be read. The
    string itself is never quoted: it may hold a password.
    """
    return {name: _target(name, line[at:]) for name, _, line, at in _lines(text)}


def includes(text: str) -> list[str]:
    """Files that `%include` lines name."""
    includes = map(_INCLUDE.match, text.splitlines())
    return [found[1] for found in includes if found]


def pointed(text: str, name: str, host: str, port: int) -> str:
    """The text with every line of this database pointing there. Raises LookupError where it has
    none.
    """
    lines = text.splitlines(keepends=True)
    numbers = [(number, at) for found, number, _, at in _lines(text) if found == name]
    if not numbers:
        raise LookupError(name)
    for number, at in numbers:
        body = lines[number].rstrip("\r\n")
        string = _with(_with(body[at:], "host", host), "port", str(port))
        lines[number] = body[:at] + string + lines[number][len(body) :]
    return "".join(lines)


def _lines(text: str) -> list[tuple[str, int, str, int]]:
    """Name, number, text and begin of the connection string, of each database line.

    Lines before any section belong to it, too: that is how a file looks which [databases] includes.
    """
    found, section = [], "databases"
    for number, line in enumerate(text.splitlines()):
        if heading := _SECTION.match(line):
            section = heading[1].strip()
        elif (
            section == "databases"
            and not line.lstrip().startswith((";", "#", "%"))
            and (name := _LINE.match(line))
        ):
            found.append((name[2] or name[1].replace('""', '"'), number, line, name.end()))
    return found


def _target(name: str, string: str) -> Target:
    told = {key: _plain(value) for key, value, _, _ in _pairs(name, string)}
    port = told.get("port", "5432")
    if not port.isdecimal():
        raise ValueError(f"the line of database {name} has no number as port: {port!r}")
    return Target(told.get("host", ""), int(port))


def _pairs(name: str, string: str) -> list[tuple[str, str, int, int]]:
    """Key, value as it is written, and where the value stands."""
    found, at = [], 0
    while string[at:].strip():
        pair = _PAIR.match(string, at)
        if not pair:
            raise ValueError(f"the line of database {name} is no connection string")
        found.append((pair[1], pair[2], pair.start(2), pair.end(2)))
        at = pair.end()
    return found


def _with(string: str, key: str, value: str) -> str:
    """A connection string with another value for a key, written in place, or at the end where it
    was not told.
    """
    new = value if _PLAIN.fullmatch(value) else "'" + value.replace("'", "''") + "'"
    for found, _, begin, end in reversed(_pairs("", string)):
        if found == key:
            string = string[:begin] + new + string[end:]
            break
    else:
        bare = string.rstrip()
        string = f"{bare}{' ' if bare else ''}{key}={new}{string[len(bare) :]}"
    return string


def _plain(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value
