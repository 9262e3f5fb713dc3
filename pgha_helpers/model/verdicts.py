"""What was judged: every check's answer, and what they come to, each cause once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from textwrap import wrap
from typing import Any

from . import show
from .causes import Cause, merged

_ORDER = ("critical", "unknown", "warning", "ok")
_NAMED = 3  # so many checks that could not be asked are named in a line; more are counted
_WIDTH = 80  # columns of the screen on which a mail is read


@dataclass(frozen=True)
class Verdict:
    """One check's answer. `level` is ok, warning, critical or unknown; `reason` is empty when it is
    ok.

    With `causes` it is these that are to be mended, and several verdicts may have the same.
    """

    title: str
    level: str
    reason: str = ""
    value: str = ""
    limit: str = ""
    remedy: str = ""
    causes: tuple[Cause, ...] = ()

    @property
    def told(self) -> dict[str, object]:
        """As a journal tells it: nothing that is empty, of which most verdicts have most."""
        return {key: value for key, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Reason:
    """What is to be told of verdicts that are no yes: a cause of any number of them, or one, with
    the title of its check.
    """

    level: str
    what: str
    remedy: str = ""
    title: str = ""
    value: str = ""
    limit: str = ""

    @property
    def sentence(self) -> str:
        """What, and what to do, on one line."""
        told = self.what.rstrip(".")
        return f"{told}. To do: {self.remedy.rstrip('.')}." if self.remedy else f"{told}."

    @property
    def row(self) -> tuple[str, str, str]:
        """Its mark, what is wrong, and the rest."""
        below = (self.what if self.title else "", self.remedy)
        told = [text.rstrip(".") + "." for text in below if text]
        return show.MARKS[self.level], self.title or self.what, " ".join(told)

    def __str__(self) -> str:
        mark, head, below = self.row
        return f"{mark}: {head}\n    {below}" if below else f"{mark}: {head}"


class Verdicts(show.Shown, tuple[Verdict, ...]):
    """Every verdict of a checklist, the bad ones included."""

    @property
    def worst(self) -> str:
        """The level to act on: critical before unknown before warning before ok."""
        return min((v.level for v in self), key=_ORDER.index, default="ok")

    @property
    def against(self) -> tuple[Verdict, ...]:
        """Those that do not say yes."""
        return tuple(v for v in self if v.level != "ok")

    @property
    def unasked(self) -> tuple[Verdict, ...]:
        """Those that could not be asked, and why is told by others, too."""
        return tuple(v for v in self if v.level == "unknown" and v.causes)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Each cause once, the count of what could not be asked because of them, and then each
        other verdict that is no yes. The worst come first.
        """
        causes = [*self._causes(), *self._count()]
        others = [
            Reason(v.level, v.reason, v.remedy, v.title, v.value, v.limit)
            for v in sorted(self.against, key=lambda v: _ORDER.index(v.level))
            if not v.causes
        ]
        known = [reason for reason in others if reason.level == "critical"]
        rest = others[len(known) :]
        critical = any(reason.level == "critical" for reason in causes)
        return tuple([*causes, *known, *rest] if critical else [*known, *causes, *rest])

    def _causes(self) -> Iterator[Reason]:
        for cause in merged(cause for v in self.against for cause in v.causes):
            levels = [
                v.level
                for v in self.against
                if any((c.what, c.remedy) == (cause.what, cause.remedy) for c in v.causes)
            ]
            yield Reason(min(levels, key=_ORDER.index), str(cause), cause.remedy)

    def _count(self) -> Iterator[Reason]:
        unasked = self.unasked
        if not unasked:
            return
        told = f"{len(unasked)} of {len(self)} checks could not be asked"
        if len(unasked) <= _NAMED:
            told += f": {'; '.join(v.title for v in unasked)}"
        yield Reason("unknown", told)

    def table(self) -> show.Table:
        """A row per reason, then one per yes, with a mark that does not lean on colour alone."""
        rows = [(r.row[0], r.row[1], r.value, r.limit, r.row[2]) for r in self.reasons]
        rows += [(show.MARKS[v.level], v.title, v.value, v.limit, "") for v in self._yes]
        return show.Table(("", "check", "value", "limit", "why not, and what to do"), rows)

    @property
    def refusing(self) -> tuple[Reason, ...]:
        """The reasons that keep a change from being made: a warning does not."""
        return tuple(reason for reason in self.reasons if reason.level != "warning")

    def told(self, reasons: Iterable[Reason], most: int) -> str:
        """Findings in sentences, in so many lines of a screen, and how many checks say yes."""
        lines: list[str] = []
        left = list(reasons)
        while left and _height([*lines, *str(left[0]).splitlines()]) <= most:
            lines += str(left.pop(0)).splitlines()
        more = [f"… and {len(left)} more: see the record"] if left else []
        return "\n".join([*lines, *more, f"{self.count_of_yes}."])

    def __str__(self) -> str:
        """The reasons in sentences, then a short line for each yes: a terminal is too narrow for
        the table.
        """
        told = [str(reason) for reason in self.reasons]
        return "\n".join([*told, *str(self._well).splitlines()])

    def _repr_html_(self) -> str:
        """The reasons, which checks could not be asked, then each yes in a table of its own, whose
        rows need no room for reasons.
        """
        head = ("", "what", "why, and what to do")
        against = show.Table(head, self._rows)._repr_html_() if self._rows else ""
        titles = "".join(f"<li>{escape(v.title)}</li>" for v in self.unasked)
        listed = ""
        if len(self.unasked) > _NAMED:
            listed = f"<details><summary>Not asked</summary><ul>{titles}</ul></details>"
        return against + listed + self._well._repr_html_()

    @property
    def _rows(self) -> list[tuple[str, str, str]]:
        return [reason.row for reason in self.reasons]

    @property
    def _yes(self) -> list[Verdict]:
        return [v for v in self if v.level == "ok"]

    @property
    def _well(self) -> show.Table:
        rows = [(show.MARKS[v.level], v.title, v.value, v.limit) for v in self._yes]
        return show.Table(("", self.count_of_yes, "value", "limit"), rows)

    @property
    def count_of_yes(self) -> str:
        """How many say yes, of how many."""
        say = "says" if len(self._yes) == 1 else "say"
        return f"{len(self._yes)} of {len(self)} checks {say} yes"


def verdicts_of(told: Iterable[Mapping[str, Any]]) -> Verdicts:
    """Those that a record tells. What has another form than this version writes is left out.

    >>> verdicts_of([{"title": "x", "level": "unknown", "causes": [{"what": "y"}]}]).reasons[0]
    Reason(level='unknown', what='y', remedy='', title='', value='', limit='')
    """
    return Verdicts(map(_verdict, told))


def _verdict(told: Mapping[str, Any]) -> Verdict:
    level = str(told.get("level"))
    keys = ("title", "reason", "value", "limit", "remedy")
    title, reason, value, limit, remedy = (str(told.get(key) or "") for key in keys)
    listed = told.get("causes")
    causes = [_cause(one) for one in listed or () if isinstance(one, Mapping)]
    return Verdict(
        title,
        level if level in _ORDER else "unknown",
        reason,
        value,
        limit,
        remedy,
        tuple(causes),
    )


def _cause(told: Mapping[str, Any]) -> Cause:
    nodes, more = (_texts(told.get(key)) for key in ("nodes", "more"))
    return Cause(nodes, str(told.get("what") or ""), str(told.get("remedy") or ""), more)


def _texts(told: Any) -> tuple[str, ...]:
    return tuple(map(str, told)) if isinstance(told, list) else ()


def _height(lines: list[str]) -> int:
    """How many lines of a screen they take."""
    return sum(max(1, len(wrap(line, _WIDTH))) for line in lines)
