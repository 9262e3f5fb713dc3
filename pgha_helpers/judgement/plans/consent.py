"""What a consent names beside the verb and its node: data, whose words are rendered."""

from __future__ import annotations

from enum import StrEnum


class ExtraKind(StrEnum):
    """What a part of a consent allows."""

    LEAVE = "leave"
    STOP = "stop"
    RESTART = "restart"
    DROP_SLOT = "drop slot"
    ASYNCHRONOUS = "asynchronous"
    BACK_AGAIN = "back again"
    SORTED_OTHERWISE = "sorted otherwise"


#: No longer needed once an earlier run has done them: who consents to more consents to less.
_DONE_BEFORE = {
    ExtraKind.LEAVE,
    ExtraKind.STOP,
    ExtraKind.DROP_SLOT,
    ExtraKind.ASYNCHRONOUS,
    ExtraKind.BACK_AGAIN,
    ExtraKind.SORTED_OTHERWISE,
}


class Extra(str):
    """A part of a consent, shown and typed as its words; what is decided by is its other fields.

    `what` is a node or a slot, `number` the transactions that are left behind.

    >>> Extra(ExtraKind.LEAVE, number=1), Extra(ExtraKind.LEAVE, number=12, at_least=True)
    ('leave 1 transaction', 'leave at least 12 transactions')
    >>> Extra(ExtraKind.DROP_SLOT, "barman"), Extra(ExtraKind.ASYNCHRONOUS)
    ('drop slot barman', 'asynchronous for now')
    >>> Extra(ExtraKind.BACK_AGAIN), Extra(ExtraKind.SORTED_OTHERWISE)
    ('back again', 'sorted otherwise')
    """

    kind: ExtraKind
    what: str
    number: int
    at_least: bool

    def __new__(
        cls, kind: ExtraKind, what: str = "", number: int = 0, at_least: bool = False
    ) -> Extra:
        """The part with its words."""
        made = super().__new__(cls, _words(kind, what, number, at_least))
        made.kind, made.what, made.number, made.at_least = kind, what, number, at_least
        return made

    def __getnewargs__(self) -> tuple[ExtraKind, str, int, bool]:  # type: ignore[override]
        """For copies, of which the journal makes one."""
        return self.kind, self.what, self.number, self.at_least

    @property
    def done_before(self) -> bool:
        """Whether an earlier run that died may have done it, so that nobody needs it any more."""
        return self.kind in _DONE_BEFORE

    def covers(self, needed: Extra) -> bool:
        """Whether it allows what is needed: at least so many are that many, or more.

        >>> few = Extra(ExtraKind.LEAVE, number=2, at_least=True)
        >>> many = Extra(ExtraKind.LEAVE, number=37)
        >>> few.covers(many), many.covers(few), Extra(ExtraKind.LEAVE, number=2).covers(many)
        (True, False, False)
        """
        if self == needed:
            return True
        both_leave = self.kind == needed.kind == ExtraKind.LEAVE
        return both_leave and self.at_least and self.number <= needed.number


def consent_to(verb: str, node: str, *extras: Extra) -> str:
    """The exact words to type.

    >>> consent_to("setup", "db1", Extra(ExtraKind.RESTART, "db0"))
    'setup db1, restart db0'
    """
    return ", ".join((f"{verb} {node}", *extras))


def typed(words: str) -> Extra | None:
    """The part of a consent that somebody has typed; None for other words than ours.

    >>> typed(" leave at least  12 transactions"), typed("stop db0"), typed("stopp db0")
    ('leave at least 12 transactions', 'stop db0', None)
    """
    found = _part_of(words.split())
    return found if found == " ".join(words.split()) else None


def _part_of(words: list[str]) -> Extra | None:
    match words:
        case ["leave", "at", "least", number, _] if number.isdecimal():
            return Extra(ExtraKind.LEAVE, number=int(number), at_least=True)
        case ["leave", number, _] if number.isdecimal():
            return Extra(ExtraKind.LEAVE, number=int(number))
        case ["leave", what, _]:  # an unknown number was a consent of earlier versions
            return Extra(ExtraKind.LEAVE, what)
        case ["drop", "slot", what]:
            return Extra(ExtraKind.DROP_SLOT, what)
        case ["stop", what]:
            return Extra(ExtraKind.STOP, what)
        case ["restart", what]:
            return Extra(ExtraKind.RESTART, what)
        case ["asynchronous", *_]:
            return Extra(ExtraKind.ASYNCHRONOUS)
        case ["back", "again"]:
            return Extra(ExtraKind.BACK_AGAIN)
        case ["sorted", "otherwise"]:
            return Extra(ExtraKind.SORTED_OTHERWISE)
    return None


def _words(kind: ExtraKind, what: str, number: int, at_least: bool) -> str:
    if kind == ExtraKind.ASYNCHRONOUS:
        return "asynchronous for now"
    if kind in (ExtraKind.BACK_AGAIN, ExtraKind.SORTED_OTHERWISE):
        return str(kind)
    if kind != ExtraKind.LEAVE:
        return f"{kind} {what}"
    many = what or str(number)
    least = "at least " if at_least else ""
    plural = "" if many == "1" else "s"
    return f"leave {least}{many} transaction{plural}"
