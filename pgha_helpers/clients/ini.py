r"""The file of a PgBouncer's database lines that pgha owns: read whole, and written whole.

pgbouncer.ini includes it under [databases]. After its first line there is nothing but lines such as
`app = host=10.0.0.10 port=5432 dbname=shop pool_size=20`. A name with other characters than
letters, digits, `_`, `.`, `-` and `$` stands in double quotes, and a value with white space in
single quotes; a quote inside is doubled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Its first line. Who removes it says that the file is not ours.
HEADER = ";; pgha writes this file whole: nothing but lines of databases that follow the pair"
_MOVE = (
    "move whatever else stands there to pgbouncer.ini, once, as docs/clients.md shows; lines of "
    "databases begin with NAME = host=ADDRESS port=NUMBER"
)

_INCLUDE = re.compile(r"\s*%include\s+(\S.*?)\s*$")
_SECTION = re.compile(r"\s*\[[^\]]*\]")
_PLAIN_NAME = r"[\w.$-]+"
_OTHER_KEY = r"\s+(?!(?:host|port)\s*=)[^\s=']+\s*=\s*(?:'(?:[^']|'')*'|[^\s']\S*)"
_LINE = re.compile(
    rf'\s*(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>{_PLAIN_NAME}))\s*=\s*'
    rf"host=(?P<host>[^\s']+)\s+port=(?P<port>[0-9]{{1,5}})(?P<rest>(?:{_OTHER_KEY})*)\s*"
)


@dataclass(frozen=True)
class Target:
    """Where a database line points: `host` is empty for a Unix socket's default directory."""

    host: str
    port: int


@dataclass(frozen=True, repr=False)  # `rest` may hold a password
class Line:
    """A database line: where it points, and its other keys as they are written."""

    target: Target
    rest: str = ""


def read_ini(text: str) -> dict[str, Line]:
    """Its lines by the name of the database.

    Raises ValueError that says what is in the way, and what to do. A line itself is never quoted:
    it may hold a password.
    """
    first, *others = text.splitlines() or [""]
    if first.strip() != HEADER:
        raise ValueError(f"its first line is not {HEADER!r}: {_MOVE}")
    found: dict[str, Line] = {}
    for number, line in enumerate(others, 2):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if not match:
            what = "another section" if _SECTION.match(line) else "no line of a database"
            raise ValueError(f"its line {number} is {what}: {_MOVE}")
        name = match["plain"] or match["quoted"].replace('""', '"')
        if name in found:
            raise ValueError(f"it has two lines for database {name}: leave one")
        found[name] = Line(Target(match["host"], int(match["port"])), match["rest"])
    return found


def write(lines: Mapping[str, Line]) -> str:
    """The whole file.

    >>> print(write({"app": Line(Target("10.0.0.10", 5432), " pool_size=20")}).splitlines()[1])
    app = host=10.0.0.10 port=5432 pool_size=20
    """
    told = []
    for name, line in lines.items():
        where = f"host={line.target.host} port={line.target.port}"
        told.append(f"{_name(name)} = {where}{line.rest}")
    return "\n".join([HEADER, *told, ""])


def includes(text: str) -> list[str]:
    """Files that `%include` lines of a pgbouncer.ini name."""
    found = map(_INCLUDE.match, text.splitlines())
    return [match[1] for match in found if match]


def _name(name: str) -> str:
    if re.fullmatch(_PLAIN_NAME, name):
        return name
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
