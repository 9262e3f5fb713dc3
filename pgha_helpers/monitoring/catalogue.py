"""Every check that there is: its title, how bad a no is, what is allowed, and what to do.

`docs/checks.md` is made of it: pgha checks --markdown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..judgement.checks import BEFORE, HEALTHY
from ..judgement.checks.check import Check
from ..model import Limits, Node, Pair, Silent, Snapshot
from ..model.errors import NotSeen

_HEAD = """# The checks

Each is asked of one close look at both nodes. A *warning* leaves a change possible. What is
*critical* refuses it, and so does a check that could not be asked, which is *unknown*. Most limits
are keys of the pair file, shown with their defaults. `pgha status PAIR --json` and the metric
`pgha_check_status` of [status.md](status.md) know each by its name.

This page is what `pgha checks --markdown` prints.
"""
_COLUMNS = "| check | a no is | allowed | what to do |\n| --- | --- | --- | --- |"
_SECTIONS = (
    ("verify switchover", "Before a switchover, by verify and by status"),
    ("verify", "By verify and by status alone"),
    ("", "Before other changes"),
)


@dataclass(frozen=True)
class Listed:
    """A check as it is listed. `limit` is what is allowed by default, `key` the key of the pair
    file that says so; `asked` by whom: verify (and status), and before which kinds of change.
    """

    check: str
    title: str
    level: str
    limit: str
    key: str
    remedy: str
    asked: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """The limit, and where it is set."""
        return f"{self.limit} ({self.key})" if self.key else self.limit

    def __str__(self) -> str:
        limit = f"; allowed: {self.allowed}" if self.limit else ""
        head = f"{self.title} [{self.check}]\n    a no is {self.level}{limit}"
        return f"{head}\n    {self.remedy}"


def catalogue() -> tuple[Listed, ...]:
    """All of them, each once, in the order in which they are asked."""
    found = dict.fromkeys((*HEALTHY, *(check for checks in BEFORE.values() for check in checks)))
    return tuple(map(_listed, found))


def _listed(check: Check) -> Listed:
    before = [kind for kind, checks in BEFORE.items() if check in checks]
    asked = ("verify", *before) if check in HEALTHY else tuple(before)
    limit, key = _limit(check)
    return Listed(check.name, check.title, check.level, limit, key, check.remedy, asked)


def _limit(check: Check) -> tuple[str, str]:
    """What is allowed by default, and the key that changes it."""
    plain = _allowed(check, Limits())
    for key in fields(Limits):
        doubled: Any = {key.name: getattr(Limits(), key.name) * 2}
        if _allowed(check, replace(Limits(), **doubled)) != plain:
            return plain, f"limits.{key.name}"
    return plain, ""


def _allowed(check: Check, limits: Limits) -> str:
    """A limit that leans on no node: nobody was looked at."""
    nodes = (Node("db0", "", "", ""), Node("db1", "", "", ""))
    nobody = (Silent("db0", "not asked"), Silent("db1", "not asked"))
    try:
        return check.limit(Snapshot(Pair("any", nodes, limits=limits), nobody))
    except (NotSeen, ValueError, KeyError):
        return ""


def page_of(checks: Sequence[Listed]) -> str:
    """The page of the documentation."""
    return "\n".join([_HEAD, *_sections(checks)])


def _sections(checks: Sequence[Listed]) -> Iterator[str]:
    left = list(checks)
    for asked, heading in _SECTIONS:
        here = [one for one in left if set(asked.split()) <= set(one.asked)]
        left = [one for one in left if one not in here]
        yield f"## {heading}\n\n{_COLUMNS}"
        yield "".join(f"{_row(one)}\n" for one in here)


def _row(one: Listed) -> str:
    title = f"**{one.title}**<br>`{one.check}`"
    cells = (title, one.level, one.allowed, one.remedy)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
