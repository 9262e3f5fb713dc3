"""What is told of a run to those who are not here, and when: by the rules of `judgement`.

It is decided by the run's journal and by this machine's sequence, before the record is completed,
and put into the outbox. Nothing is sent here.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...judgement.notices import (
    VERDICTS,
    News,
    VerifyOutcome,
    change_is_news,
    gate_is_news,
    news_of_verdict,
)
from ...model import Pair, Verdicts
from ...model.errors import HaError, said
from ...model.foreign import ODD
from ...model.notices import Notice, NoticeKind
from ...model.show import plural, span, utc
from ...model.verdicts import verdicts_of
from ...run.events import (
    ERROR,
    GATE_ANSWERED,
    GATE_PASSED,
    GATE_REOPENED,
    GATE_SHOWN,
    JUDGED,
    RUN_BEGUN,
    RUN_ENDED,
)
from ...run.journal import Event, Story, held_by_writer, read
from ..reading import manifest
from ..reading.report import REPORT
from ..reading.words import minute, moment, plain, who
from .earlier_runs import last_well, verdict_of, verdicts_given
from .ending import bad, copied, last_seen, roles, what_clients_saw
from .folder import FolderLock, id_of, records_of
from .numbering import add_line, own_sequence
from .outbox import Outbox, attend_to
from .sequence import TOLD, UNTOLD
from .summary import summarise

_NAME = re.compile(r"\d{8}T\d{6}Z-.+-[0-9a-f]{8}")
_AT_WORK = 50  # records, the newest, of which one may be of a run that goes on
_WIDTH = 400  # characters of a title: three text messages
_AGAIN = "run it again with the same words: it looks first, and goes on from what it finds"
_GATE = (GATE_SHOWN, GATE_ANSWERED, GATE_REOPENED, GATE_PASSED, ERROR, RUN_ENDED)


def keep_notice(folder: Path, story: Story, pair: Pair) -> None:
    """Have the end of a run told, if it is news. Whatever is wrong with that is only said."""
    if not pair.notify or story.state == "running":
        return
    try:
        is_verify = story.first(RUN_BEGUN).get("notebook") == "verify"
        make = _of_verify if is_verify else _of_change
        notice = make(folder, story, pair)
        if notice is not None:
            keep(notice, pair)
    except (OSError, HaError, *ODD) as error:
        print(f"No notice could be made of {folder.name}: {said(error)}", flush=True)


def keep(notice: Notice, pair: Pair) -> None:
    """Put a notice into the outbox, once. Raises OSError, and Refusal."""
    outbox = Outbox(pair)
    attend_to(pair)
    # in this order: it is written down first, and then removed
    if notice.record and (outbox.has(notice.record, notice.kind) or _was_told(notice, pair)):
        return
    if gone := outbox.keep(notice):
        add_line(pair, UNTOLD, gone=gone)


def _was_told(notice: Notice, pair: Pair) -> bool:
    lines = own_sequence(pair).lines(notice.record)
    return notice.kind in {line.told.get("notice") for line in lines if line.what in (TOLD, UNTOLD)}


def keep_others(pair: Pair) -> None:
    """Have told what nobody has completed yet: gates that wait, and runs that have ended.

    So a run in JupyterLab is told when it ends, and one whose program was killed by the next run.
    """
    if not pair.notify:
        return
    records = records_of(pair)
    for name in (*_newest(records, pair, changes=True), *_newest(records, pair, changes=False)[:5]):
        folder = records / name
        if any((folder / name).exists() for name in (manifest.MANIFEST, REPORT)):
            continue
        try:
            _keep_other(folder, read(folder), pair)
        except (OSError, HaError, *ODD):  # `records verify` says what is wrong with it
            continue


def _keep_other(folder: Path, story: Story, pair: Pair) -> None:
    if story.state == "running":
        keep_gate(folder, story, pair)
    elif story.state == "ended":
        keep_notice(folder, story, pair)
    else:
        with FolderLock(folder) as attending:  # else its own program is about to
            if attending.held:
                keep_notice(folder, story, pair)


def keep_gate(folder: Path, story: Story, pair: Pair) -> None:
    """Have a gate told that has waited too long. Raises OSError, and Refusal."""
    shown = waits_since(story)
    if shown is None or not gate_is_news(time.time() - shown, pair.gate_waits):
        return
    told = summarise(story)
    wanted, waited = told["gate"]["wanted"], span(time.time() - shown)
    lines = [
        "Nothing was changed, and nothing is locked.",
        f"To do: type “{wanted}” in its notebook, or nothing to end it as a rehearsal.",
    ]
    title = f"{wanted}: the gate waits for an answer, since {waited}"
    keep(_notice(NoticeKind.GATE, folder, pair, title, [*lines, *_foot(folder, told, pair)]), pair)


def waits_since(story: Story) -> float | None:
    """When its gate was shown, in seconds since the epoch, if it waits for an answer; else None."""
    if story.state != "running":
        return None
    last = next((e for e in reversed(story.events) if e["event"] in _GATE), {})
    waits = last.get("event") == GATE_SHOWN or last.get("right") is False
    shown = moment(story.last(GATE_SHOWN).get("at"))
    return shown.timestamp() if waits and shown else None


def change_goes_on(pair: Pair) -> bool:
    """Whether a run of this pair has its consent here and has not ended: nothing is sent now.

    JupyterLab's kernel holds the journal of a run that has ended, too.
    """
    records = records_of(pair)
    for name in _newest(records, pair, changes=True):
        with contextlib.suppress(OSError):
            if not held_by_writer(records / name):
                continue
            story = read(records / name)
            if story.state == "running" and any(map(_is_consent, story.events)):
                return True
    return False


def _newest(records: Path, pair: Pair, *, changes: bool) -> list[str]:
    """The names of the newest records of changes, or else of verifies; nothing of them is read."""
    try:
        names = [name for name in os.listdir(records) if f"-{pair.name}-" in name]  # noqa: PTH208
    except OSError:
        return []
    found = [name for name in names if (f"-{pair.name}-verify-" in name) != changes]
    return sorted(filter(_NAME.fullmatch, found), reverse=True)[:_AT_WORK]


def _is_consent(event: Event) -> bool:
    return event["event"] == GATE_ANSWERED and bool(event.get("right"))


def of_findings(pair: Pair, found: list[str]) -> Notice:
    """That records are not as they were; each finding is a line."""
    many = plural(len(found), "finding")
    lines = [*found[:20], f"To do: see for yourself: pgha records verify {pair.name}"]
    where = f"Records: {records_of(pair)} on {platform.node()}"
    title = f"records are not as they were, {many}: {found[0]}"
    return _notice(NoticeKind.RECORDS, None, pair, title, [*lines, where])


def _of_verify(folder: Path, story: Story, pair: Pair) -> Notice | None:
    outcome, worst = verdict_of(story)
    ended = moment(story.events[-1]["at"])
    if outcome not in VERDICTS or ended is None:
        return None
    news = news_of_verdict(VerifyOutcome(ended.timestamp(), outcome, worst), verdicts_given(pair))
    if news is None:
        return None
    told, verdicts = summarise(story), verdicts_of(story.last(JUDGED).get("verdicts", ()))
    if news == News.WELL:
        lines = [f"{pair.name}: well again: {roles(told)}", f"{verdicts.count_of_yes}."]
    elif story.outcome in VERDICTS and verdicts.reasons:
        since = last_well(folder.parent, pair.name)
        lines = "\n".join(bad(pair.name, verdicts, since, roles(told))).split("\n")
    else:
        error = str(story.last(ERROR).get("error")).split("\n")
        lines = [f"{pair.name}: verify could not judge: {error[0]}", *error[1:]]
    title = lines[0].removeprefix(f"{pair.name}: ")
    kind = NoticeKind.VERDICT
    return _notice(kind, folder, pair, title, [*lines[1:], *_foot(folder, told, pair)])


def _of_change(folder: Path, story: Story, pair: Pair) -> Notice | None:
    error = story.last(ERROR)
    by_hand = error.get("kind") == "interrupted" or error.get("type") == "BadParameters"
    if not change_is_news(story.outcome, story.changed, by_hand=by_hand):
        return None
    told = summarise(story)
    why, lines = _why(story)
    title = f"{_aim(told)}{_how(story, error)}{why or ''}"
    if story.outcome == "done":
        title += ": ".join(["", *filter(None, [roles(told)])])
        lines = [*what_clients_saw(told), *copied(story.events)]
    elif story.changed:
        lines += last_seen(told)
    return _notice(NoticeKind.CHANGE, folder, pair, title, [*lines, *_foot(folder, told, pair)])


def _aim(told: Mapping[str, Any]) -> str:
    """What was to be done, as its consent says it, or else by which notebook."""
    given = (told.get("parameters") or {}).get("confirm")
    wanted = told["gate"]["wanted"] or told["notebook"]
    return str(wanted) if given or told["gate"]["passed"] else f"rehearsal of {wanted}"


def _how(story: Story, error: Event) -> str:
    """How it ended, and whether anything was changed."""
    if story.outcome == "done":
        return ": done"
    if not story.changed:
        word = "refused" if story.outcome != "interrupted" else "interrupted"
        return f": {word}, nothing was changed"
    if error.get("type") == "Aborted":
        return ": ABORTED"
    words = {"abandoned": "LEFT IN THE MIDDLE", "interrupted": "INTERRUPTED IN THE MIDDLE"}
    return f": {words.get(story.outcome, 'FAILED, something was changed')}"


def _why(story: Story) -> tuple[str, list[str]]:
    """Why it ended so, on the end of a line, and the lines below it."""
    error, judged = story.last(ERROR), verdicts_of(story.last(JUDGED).get("verdicts", ()))
    if story.outcome == "done":
        return "", []
    if error and error.get("type") != "NotSafe":
        first, *rest = str(error.get("error")).split("\n")
        return f": {first}", rest
    if judged.refusing and story.outcome != "interrupted":
        return _reasons(judged)
    lines = [f"To do: {_AGAIN}."] if story.changed else []
    return ("" if story.outcome != "interrupted" else ": its process has ended"), lines


def _reasons(judged: Verdicts) -> tuple[str, list[str]]:
    first, *rest = judged.refusing
    more = f" (and {len(rest)} more)" if rest else ""
    return f": {first.sentence}{more}", [str(reason) for reason in rest]


def _foot(folder: Path, told: Mapping[str, Any], pair: Pair) -> Iterator[str]:
    """Who, why, and where the record is."""
    why = [str(told.get("reason") or "no reason given")]
    why += [f"ticket {told['ticket']}"] if told.get("ticket") else []
    yield f"By {plain(who(told))}: {plain(', '.join(why))}"
    ended = f" to {minute(told['ended'])}" if told.get("ended") else ""
    yield f"When: {minute(told.get('began'))}{ended}"
    yield f"Record: {folder} on {platform.node()}"
    yield f"  pgha records show {pair.name} {id_of(folder)}"


def _notice(
    kind: NoticeKind, folder: Path | None, pair: Pair, title: str, lines: list[str]
) -> Notice:
    head = plain(f"{pair.name}: {title}", _WIDTH)
    about = folder.name if folder else ""
    return Notice(utc(time.time()), pair.name, kind, about, head, "\n".join(lines), pair.notify)
