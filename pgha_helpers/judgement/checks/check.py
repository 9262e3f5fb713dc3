"""What a check is, and how a list of them is put to a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import cleandoc

from ...model import Cause, Snapshot, Verdict, Verdicts
from ...model.errors import NotSeen

WhyNot = Callable[[Snapshot], str | tuple[Cause, ...] | None]
Reading = Callable[[Snapshot], str]


@dataclass(frozen=True)
class Check:
    """A function that says why not, how bad a no is, and what to show beside a yes.

    The first line of the function's docstring is the title that the record shows, and the rest is
    the remedy. A function whose no may have several says causes, each with its own.
    """

    why_not: WhyNot
    level: str
    value: Reading
    limit: Reading

    def __call__(self, now: Snapshot) -> str | None:
        """Why not, or None for yes. Raises NotSeen where a node that it leans on did not answer."""
        no = self.why_not(now)
        return "; ".join(map(str, no)) or None if isinstance(no, tuple) else no

    @property
    def name(self) -> str:
        """The function's: what other programs may know it by."""
        return getattr(self.why_not, "__name__", "")

    @property
    def title(self) -> str:
        """The docstring's first line, without its full stop."""
        return cleandoc(self.why_not.__doc__ or "").split("\n")[0].rstrip(".")

    @property
    def remedy(self) -> str:
        """The docstring's second paragraph."""
        return " ".join(cleandoc(self.why_not.__doc__ or "").split("\n")[1:]).strip()


def _nothing(_: Snapshot) -> str:
    return ""


def check(
    level: str = "critical", value: Reading = _nothing, limit: Reading = _nothing
) -> Callable[[WhyNot], Check]:
    """Make a check of a function. `value` and `limit` say what was read and what is allowed, for
    the record.
    """
    return lambda why_not: Check(why_not, level, value, limit)


def judge(checks: Iterable[Check], now: Snapshot) -> Verdicts:
    """Every check's verdict at once: at 3 am one wants the whole list."""
    return Verdicts(_verdict(check, now) for check in checks)


def _verdict(check: Check, now: Snapshot) -> Verdict:
    try:
        no = check.why_not(now)
    except NotSeen as silence:
        # the check's own remedy is for what it would have found, which nobody knows
        return _unknown(check, silence.what, silence.causes)
    except ValueError as odd:
        return _unknown(check, str(odd))
    except KeyError as missing:  # a setting that this server does not show us, or does not have
        return _unknown(check, f"{missing} is not among what was told")
    value, limit = _read(check.value, now), _read(check.limit, now)
    if not no:
        return Verdict(check.title, "ok", value=value, limit=limit)
    if isinstance(no, tuple):
        reason = "; ".join(map(str, no))
        return Verdict(check.title, check.level, reason, value, limit, causes=no)
    return Verdict(check.title, check.level, no, value, limit, check.remedy)


def _unknown(check: Check, why: str, causes: tuple[Cause, ...] = ()) -> Verdict:
    words = why.split("\n")[0]
    return Verdict(check.title, "unknown", words, causes=causes)


def _read(reading: Reading, now: Snapshot) -> str:
    """What to show beside the verdict; nothing where the node that would tell does not."""
    try:
        return reading(now)
    except (NotSeen, ValueError, KeyError):
        return ""
