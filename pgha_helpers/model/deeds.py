"""What was judged and what was done."""

from __future__ import annotations

from dataclasses import dataclass

from .. import show


@dataclass(frozen=True)
class Verdict:
    """One check's answer. `level` is ok, warning, critical or unknown; `reason` is empty when it is ok."""

    title: str
    level: str
    reason: str = ""
    value: str = ""
    limit: str = ""
    remedy: str = ""


class Verdicts(show.Shown, tuple[Verdict, ...]):
    """Every verdict of a checklist, the bad ones included."""

    @property
    def worst(self) -> str:
        """The level to act on: critical before unknown before warning before ok."""
        levels = {v.level for v in self}
        return next((level for level in ("critical", "unknown", "warning") if level in levels), "ok")

    @property
    def against(self) -> tuple[Verdict, ...]:
        """Those that do not say yes."""
        return tuple(v for v in self if v.level != "ok")

    def table(self) -> show.Table:
        """A row per verdict, with a mark that does not lean on colour alone."""
        rows = [(show.MARKS[v.level], v.title, v.value, v.limit, _why(v)) for v in self]
        return show.Table(("", "check", "value", "limit", "why not, and what to do"), rows)


@dataclass(frozen=True)
class Deed:
    """One change, or the news that none was needed. `began` and `ended` are seconds since the epoch."""

    node: str
    did: str
    changed: bool
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


class Deeds(show.Shown, tuple[Deed, ...]):
    """Deeds in the order in which they were done."""

    def table(self) -> show.Table:
        """A row per deed with its milliseconds."""
        rows = [(show.utc(d.began), d.node, d.did, f"{d.seconds * 1000:.0f} ms") for d in self]
        return show.Table(("when", "node", "deed", "took"), rows)


def _why(verdict: Verdict) -> str:
    return f"{verdict.reason}. {verdict.remedy}".strip(". ") + "." if verdict.reason else ""
