"""Telling the world at the end of a command: notices, the heartbeat, and `on_record:`.

All at once, and no longer than `timeouts.notify`. Nothing that goes wrong here changes an outcome:
it is said on the terminal, written into the sequence of records, and tried again by the next run.
"""

from __future__ import annotations

import contextlib
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ..model import Head, Pair
from ..model.errors import HaError, said
from ..model.foreign import ODD
from ..model.notices import Notice, NoticeKind
from ..model.show import span, utc
from ..records.making.deliveries import undelivered
from ..records.making.notices import change_goes_on, keep_others
from ..records.making.numbering import add_line, own_sequence
from ..records.making.outbox import Attended, Outbox
from ..records.making.sequence import TOLD, UNTOLD
from ..run.redaction import Redactor, secrets_of
from .delivering import deliver_records
from .sending import Letter, address, send

HEARTBEAT = "heartbeat"
_HEAD = "The newest line of the sequence of records; kept elsewhere, it proves all before it:"


def tell_all(attended: Iterable[Attended]) -> None:
    """Tell what there is to tell of each pair."""
    for each in attended:
        scrub = Redactor(secrets_of(each.pair))
        for complaint in tell(each.pair, each.beat):
            print(scrub.text(complaint), file=sys.stderr, flush=True)


def tell(pair: Pair, beat: str = "") -> list[str]:
    """Send what waits, call the heartbeat for the record `beat`, and deliver records.

    Gives a sentence for each thing that could not be done.
    """
    until, complaints = time.monotonic() + pair.timeouts.notify, list[str]()
    works: list[Callable[[], Iterable[str]]] = []
    if pair.notify:
        works.append(lambda: tell_notices(pair, until))
    if pair.heartbeat and beat:
        works.append(lambda: _beat(pair, beat, until))
    if pair.on_record:
        works.append(lambda: deliver_records(pair, until))

    def guarded(work: Callable[[], Iterable[str]]) -> None:
        try:
            complaints.extend(work())
        except (OSError, HaError, *ODD) as error:
            complaints.append(f"not everybody could be told: {said(error)}")

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:  # a moment more: who is late writes that down himself
        thread.join(max(0.0, until - time.monotonic()) + 1.0)
    return complaints


def tell_waiting(pair: Pair) -> list[str]:
    """The same without a heartbeat, again and again until nothing waits or something fails."""
    while True:
        left = _left(pair)
        complaints = tell(pair)
        if complaints or not (now := _left(pair)):
            return complaints
        if now == left:
            return [
                f"{len(now)} still wait: a change of {pair.name} goes on, or they are being sent"
            ]


def _left(pair: Pair) -> list[str]:
    """What is not sent, and not delivered."""
    names = [path.name for path in Outbox(pair).waiting()]
    return names + (list(undelivered(own_sequence(pair).texts())) if pair.on_record else [])


def try_out(pair: Pair) -> None:
    """Put a notice into the outbox by which one sees whether any arrives, in place of an older one
    that has not arrived. Raises OSError.
    """
    title = f"{pair.name}: this is a trial, and nothing has happened"
    text = f"Notices of {pair.name} arrive here. They are sent from {platform.node()}."
    kind, outbox = NoticeKind.TRIAL, Outbox(pair)
    outbox.drop(kind)
    outbox.keep(Notice(utc(time.time()), pair.name, kind, "", title, text, pair.notify))


# Notices


@dataclass
class _Posted:
    """A notice under way: what is not sent yet stays in its file."""

    path: Path
    notice: Notice
    left: dict[str, str] = field(default_factory=dict)


def tell_notices(pair: Pair, until: float) -> Iterator[str]:
    """Send every notice that waits, but not while a change of the pair goes on.

    `until` is by the monotonic clock. What is not sent then waits on.
    """
    keep_others(pair)
    outbox = Outbox(pair)
    if not outbox.waiting() or change_goes_on(pair):
        return
    with ExitStack() as held:
        posted = []
        for path in outbox.waiting():
            notice = held.enter_context(outbox.claimed(path))
            if notice is not None:
                posted.append(_Posted(path, notice))
        _post(posted, pair, until)
        for each in posted:  # written down first: who asks in between must not tell it again
            _write_down(each, pair)
            outbox.settle(each.path, each.notice, each.left)
        yield from _complaints(posted)


def _complaints(posted: Iterable[_Posted]) -> Iterator[str]:
    """A sentence for each reason, with the newest notice that waits for it."""
    waiting: dict[str, list[Notice]] = {}
    for each in posted:
        if each.left:
            waiting.setdefault("; ".join(each.left.values()), []).append(each.notice)
    for why, notices in waiting.items():
        newest = max(notices, key=lambda notice: notice.at)
        more = f"; and {len(notices) - 1} more" if len(notices) > 1 else ""
        yield f"A notice waits for the next run ({newest.title}{more}): {why}"


def _post(posted: list[_Posted], pair: Pair, until: float) -> None:
    """Send each to whoever has not got it yet; why not is in `left`."""
    head = _head(pair)
    letters, whose = list[Letter](), list[tuple[_Posted, str]]()
    for each in posted:
        for to in _still(each.notice, pair):
            if not (found := address(to)):
                each.left[to] = f"{to} is not set"
                continue
            letters.append(Letter(found, each.notice.title, _text(each.notice, head)))
            whose.append((each, to))
    within = max(0.1, until - time.monotonic())
    for (each, to), why in zip(whose, send(letters, within, _seldom(pair)), strict=True):
        if why:
            each.left[to] = f"{to.partition('?')[0]}: {why}"


def _still(notice: Notice, pair: Pair) -> tuple[str, ...]:
    """Those who are to have it, of those whom the pair file names now."""
    return tuple(to for to in notice.to if to in pair.notify) or pair.notify


def _text(notice: Notice, head: Head | None) -> str:
    told = f"\n\n{_HEAD}\n{head.text}" if head and notice.record else ""
    return f"{notice.text}{told}"


def _head(pair: Pair) -> Head | None:
    with contextlib.suppress(OSError):
        return own_sequence(pair).head()
    return None


def _seldom(pair: Pair) -> Callable[[], bool]:
    """Whether a change goes on, asked ten times a second at most."""
    asked = 0.0

    def goes_on() -> bool:
        nonlocal asked
        if time.monotonic() - asked < 0.1:
            return False
        asked = time.monotonic()
        return change_goes_on(pair)

    return goes_on


def _write_down(each: _Posted, pair: Pair) -> None:
    """A line of the sequence for what was sent, and for what could not be sent at first.

    Not of what `records verify` has found: it changes nothing.
    """
    notice = each.notice
    sent = [to for to in _still(notice, pair) if to not in each.left]
    if notice.record and sent:
        add_line(pair, TOLD, record=notice.record, notice=notice.kind, to=list(map(_plain, sent)))
    if notice.record and each.left and not notice.failed:
        because = Redactor(secrets_of(pair)).whole(list(each.left.values()))
        add_line(pair, UNTOLD, record=notice.record, notice=notice.kind, because=because)


def _plain(to: str) -> str:
    """An address without what may stand behind it: options, and to whom."""
    return to.partition("?")[0]


# The heartbeat


def _beat(pair: Pair, record: str, until: float) -> Iterator[str]:
    """Call the address, once."""
    why = _call(address(pair.heartbeat), max(0.1, until - time.monotonic()))
    if why:
        scrubbed = Redactor(secrets_of(pair)).text(why)
        add_line(pair, UNTOLD, record=record, notice=HEARTBEAT, because=[scrubbed])
        yield f"The heartbeat was not taken: {scrubbed}"


def _call(to: str, within: float) -> str:
    """Why nobody has answered there; empty if somebody has."""
    from urllib.request import urlopen

    if not to.startswith(("http://", "https://")):
        return "no http address is set"
    heard: list[str] = [f"no answer within {span(round(within, 1))}"]

    def call() -> None:
        try:
            with urlopen(to, timeout=within) as answer:
                answer.read(1)
            heard[0] = ""
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", "") or error
            if not isinstance(why, TimeoutError):  # it ends as we do, and may be first
                heard[0] = str(why)

    thread = threading.Thread(target=call, daemon=True)  # a name server may not answer at all
    thread.start()
    thread.join(within)
    return heard[0]
