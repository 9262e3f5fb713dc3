"""What the role that changes lacks, of what `grants` says that a change takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from .grants import ALTER, TO_CHANGE, WITH, Grant
from .major import Major

_KINDS = ("execute on function ", "select on ", ALTER)


@dataclass(frozen=True)
class Rights:
    """What one server says of the role `user:`: whether it is there, and a superuser, who needs
    nothing more; and else what it `lacks`, each in the words of GRANT or of ALTER ROLE.
    """

    role: str = ""
    there: bool = True
    superuser: bool = True
    lacks: tuple[str, ...] = ()


def to_ask(major: Major) -> tuple[list[str], list[str], list[str], list[str]]:
    """What a server of this major version is asked for: roles, functions, tables, parameters.

    >>> roles, functions, tables, parameters = to_ask(Major.parse("18"))
    >>> roles[:2], functions[0], tables[0], parameters[0]
    ... # doctest: +NORMALIZE_WHITESPACE
    (['pg_read_all_settings', 'pg_read_all_stats'], 'pg_show_all_file_settings()',
     'pg_file_settings', 'primary_conninfo')
    """
    words = [it for grant in TO_CHANGE if grant.there_is(major) for it in _singly(grant)]
    functions, tables, parameters = (
        [it.removeprefix(kind) for it in words if it.startswith(kind)] for kind in _KINDS
    )
    roles = [inside for it in words if " " not in it for inside in WITH.get(it, (it,))]
    return roles, functions, tables, parameters


def lacking_of(grants: Iterable[Grant], lacks: Collection[str]) -> Iterator[Grant]:
    """Of these grants what is lacking, each with no more than that.

    >>> lacks = [f"{ALTER}primary_conninfo", f"{ALTER}wal_level", "pg_read_all_stats"]
    >>> for grant in lacking_of(TO_CHANGE, lacks): print(*grant.to("ann"))
    grant pg_monitor to "ann";
    grant alter system on parameter primary_conninfo, wal_level to "ann";
    """
    for grant in grants:
        left = [it for it in _singly(grant) if {it, *WITH.get(it, ())} & {*lacks}]
        names = [it.removeprefix(ALTER) for it in left if it.startswith(ALTER)]
        if names:
            left = [f"{ALTER}{', '.join(names)}"]
        if left:
            yield replace(grant, given=tuple(left))


def _singly(grant: Grant) -> Iterator[str]:
    """Each right by itself."""
    for it in grant.given:
        if it.startswith(ALTER):
            yield from (f"{ALTER}{name}" for name in it.removeprefix(ALTER).split(", "))
        else:
            yield it


#: Of a made-up server: nobody has asked.
UNASKED = Rights()
