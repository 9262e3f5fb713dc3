"""What this machine's records tell a later run.

Where a node was seen last, and how fast rebuilds were.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from ...judgement.notices import VERDICTS, VerifyOutcome
from ...judgement.plans.back_again import Promoted
from ...judgement.plans.loss_estimate import LastKnown
from ...judgement.plans.readers import fed
from ...judgement.plans.rebuild import Measured, Rates
from ...model import DeedKind, Lsn, Pair, Position
from ...model.foreign import ODD
from ...run.events import (
    DEED_BEGUN,
    DEED_ENDED,
    DEED_FAILED,
    ERROR,
    JUDGED,
    PLANNED,
    RUN_ENDED,
    SEEN,
    THROUGHPUT,
)
from ...run.journal import JOURNAL, Event, Story, read
from .folder import id_of, record_name_of, records_of
from .numbering import own_sequence
from .sequence import SEALED

_MANY = 50  # records of the pair, the newest: a verify a day for seven weeks
_FEW = 3  # runs of one method whose rates count: machines and databases change
_TELLING = 32 * 1024 * 1024  # bytes: less than that is over before it has a rate


def last_known(records: Path, pair: str, node: str, system_id: str) -> LastKnown | None:
    """The newest position where a run saw the node as primary of this pair and system, or None."""
    for folder, events in stories(records, pair):
        for event in reversed(events):
            if event["event"] == SEEN and (known := _known(folder, event, node, system_id)):
                return known
    return None


def newest_promotion(records: Path, pair: str, since: float) -> Promoted | None:
    """The newest that any run of this pair has begun after a moment, and did not see refused.

    It counts however its run ended: one that was killed may have been heard.
    """
    found = []
    for folder in folders_of(records, pair, "promote"):
        with contextlib.suppress(OSError, *ODD):
            if (folder / JOURNAL).stat().st_mtime > since:
                found += [told for told in _promotions(folder) if told.at > since]
    return max(found, key=lambda told: told.at, default=None)


def _promotions(folder: Path) -> Iterator[Promoted]:
    for event in read(folder).events:
        begun = event["event"] == DEED_BEGUN
        done = event["event"] == DEED_ENDED and event.get("changed")
        if (begun or done) and event.get("kind") == DeedKind.PROMOTE:
            at = datetime.fromisoformat(event["at"]).timestamp()
            yield Promoted(str(event["node"]), at, id_of(folder))


def _known(folder: Path, event: Event, node: str, system_id: str) -> LastKnown | None:
    """What one look saw; None where it is not told, or in another form than this version writes."""
    facts = event.get("facts")
    if isinstance(facts, list):
        names = [str(fact.get("node")) for fact in facts if isinstance(fact, Mapping)]
    else:
        names = []
    for fact in facts if isinstance(facts, list) else ():
        wanted = {"is": "Running", "in_recovery": False, "node": node, "system_id": system_id}
        if isinstance(fact, Mapping) and wanted.items() <= fact.items():
            try:
                at = Position(int(fact["timeline"]), Lsn(fact["written"]))
                others = fed(fact.get("senders", ()), names)
            except ODD:
                return None
            return LastKnown(at, str(event.get("at", "")), folder.name.rsplit("-", 1)[-1], others)
    return None


def last_well(records: Path, pair: str) -> str:
    """When the newest verify of the pair that was well, or warned, has ended; empty without one."""
    for _, events in stories(records, pair):
        first, last = events[:1], events[-1:]
        if not first or first[0].get("notebook") != "verify":
            continue
        if last[0]["event"] == RUN_ENDED and last[0].get("outcome") in ("done", "warning"):
            return str(last[0].get("at", ""))
    return ""


def verdicts_given(pair: Pair, apart_from: str = "") -> Iterator[VerifyOutcome]:
    """What the verifies of this pair have found that are complete, the newest first.

    Not of the record `apart_from`.

    Their outcomes stand in this machine's sequence; the checks are read of the newest alone. One
    that was interrupted by hand has found nothing. Raises OSError.
    """
    first = True
    for line in own_sequence(pair).newest_first(f'"what": "{SEALED}"'):
        name = record_name_of(Path(line.record))
        if line.what != SEALED or name is None or name.notebook != "verify":
            continue
        if line.record == apart_from:
            continue
        folder, outcome = records_of(pair) / line.record, str(line.told.get("outcome"))
        worst = frozenset[str]()
        if first or outcome not in VERDICTS:
            with contextlib.suppress(OSError, *ODD):
                outcome, worst = verdict_of(read(folder))
        if outcome in VERDICTS:
            first = False
            yield VerifyOutcome(datetime.fromisoformat(line.told["at"]).timestamp(), outcome, worst)


def verdict_of(story: Story) -> tuple[str, frozenset[str]]:
    """The outcome of a verify, and the checks that were critical or unknown, by their titles.

    One that stopped at an error could not judge: unknown. Not one that a person has interrupted.
    """
    error = story.last(ERROR)
    if story.outcome in ("refused", "failed") and error.get("kind") != "interrupted":
        return "unknown", frozenset({str(error.get("type"))})
    judged = story.last(JUDGED).get("verdicts", ())
    levels = ("critical", "unknown")
    return story.outcome, frozenset(v["title"] for v in judged if v["level"] in levels)


def known_rates(records: Path, pair: str) -> Rates:
    """How fast the newest runs of this pair were that copied anything, by method."""
    found: dict[str, list[Measured]] = {}
    for folder, events in stories(records, pair):
        if told := _measured(folder.name.rsplit("-", 1)[-1], events):
            method, measured = told
            if len(found.setdefault(method, [])) < _FEW:
                found[method].append(measured)
    return Rates.measured(found)


def _measured(run: str, events: Sequence[Event]) -> tuple[str, Measured] | None:
    """Method and rate of a run.

    All deeds of a copy count, and the rehearsal of a rewind, which reads as much.
    """
    try:
        at = next(at for at, event in enumerate(events) if event["event"] == THROUGHPUT)
        method = next(
            event["plan"]["kind"] for event in reversed(events[:at]) if event["event"] == PLANNED
        )
        whole = next(event for event in events[at:] if event["event"] in (DEED_ENDED, DEED_FAILED))
        ended = [event for event in events[:at] if event["event"] == DEED_ENDED]
        rehearsed = [deed for deed in ended if deed.get("kind") == DeedKind.REHEARSE_REWIND]
        seconds = float(whole["seconds"]) + sum(float(deed["seconds"]) for deed in rehearsed)
        bytes_ = float(events[at]["total" if method == "rsync" else "bytes"])
    except (StopIteration, *ODD):
        return None
    if whole["event"] != DEED_ENDED or bytes_ < _TELLING or seconds <= 0:
        return None
    return str(method), Measured(run, bytes_, seconds)


def stories(records: Path, pair: str) -> Iterator[tuple[Path, Sequence[Event]]]:
    """The newest records of a pair, with their events."""
    for folder in folders_of(records, pair):
        with contextlib.suppress(OSError):
            yield folder, read(folder).events


def folders_of(records: Path, pair: str, *notebooks: str) -> list[Path]:
    """The newest record folders of a pair, the newest first; of these notebooks, or of all.

    Of thousands only those are looked at whose names may be meant.
    """
    wanted = [f"-{pair}-{notebook}" for notebook in notebooks] or [f"-{pair}-"]
    names = [path.name for path in records.iterdir()] if records.is_dir() else []
    ours: list[Path] = []
    for name in sorted(names, reverse=True):
        if any(words in name for words in wanted):
            told = record_name_of(folder := records / name)
            meant = told and told.pair == pair and (not notebooks or told.notebook in notebooks)
            if meant and folder.is_dir() and not folder.is_symlink():
                ours.append(folder)
                if len(ours) == _MANY:
                    break
    return ours
