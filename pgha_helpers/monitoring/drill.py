"""`pgha drill PAIR`: there and back, each step by its notebook, and one report for the auditor."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from ..facts.look import look
from ..model import Pair, Spread
from ..model.errors import HaError, Refusal
from ..model.foreign import ODD, text_of
from ..model.show import span
from ..records.making.files import replace_file
from ..records.making.folder import RECORD_STAMP, records_of
from ..records.making.numbering import add_line
from ..records.making.sequence import DRILLED
from ..records.making.summary import SUMMARY
from ..records.reading.drills import PhaseShown, drill_page, earlier_drills
from ..records.reading.manifest import sha256
from ..records.reading.outages import measured_outage
from ..records.reading.words import finite, pairs_of, seconds_of
from ..run.checkout import environment, python
from .looking import looking

_RECORD = re.compile(r"Record: (/.*)$", re.MULTILINE)
_LONGER = 1.5  # times the median of the drills before: less is the weather
_NOTABLE = 0.02  # seconds


@dataclass(frozen=True)
class DrillPhase:
    """One run of a notebook, and what is typed for it."""

    title: str
    notebook: str
    words: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether it takes the primary's place from a node."""
        return self.notebook == "promote"


@dataclass
class PhaseDone:
    """How a phase has ended: its exit code, its record, what that tells, and why in a line."""

    phase: DrillPhase
    code: int
    record: Path | None = None
    told: dict[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def well(self) -> bool:
        """Whether the drill may go on: well, or with a warning."""
        return self.code in (0, 1)

    @property
    def run(self) -> str:
        """Its id; empty where it left no record."""
        return self.record.name.rsplit("-", 1)[-1] if self.record else ""

    @property
    def outage(self) -> float | None:
        """Seconds without a primary, or as the canary saw it; None of a verify."""
        return measured_outage(self.told)[0] if self.phase.moves and self.told else None


def consent_of(pair: Pair) -> str:
    """The words that allow a drill, and with it both of its promotions."""
    return f"drill {pair.name}"


def phases(pair: Pair) -> list[DrillPhase]:
    """What a drill does, from which node is primary now. Raises Refusal where that is not one."""
    with looking(pair) as run:
        now = look(run, journal=False)
    try:
        primary = now.primary.node
        standby = now.standby.node
    except HaError as error:
        raise Refusal(error.what, error.remedy or "run verify") from None
    light = ("-p", "light=true")

    def promotion(title: str, node: str) -> DrillPhase:
        confirm = f"confirm=promote {node}, back again"
        return DrillPhase(title, "promote", ("-p", confirm, "-p", "canary=true"))

    return [
        DrillPhase("Is the pair well?", "verify", light),
        promotion(f"Promote {standby}", standby),
        DrillPhase("Is it well there, too?", "verify", light),
        promotion(f"Promote {primary} again", primary),
    ]


def planned(pair: Pair, steps: Sequence[DrillPhase]) -> str:
    """What a drill would do, for who has not consented yet."""
    lines = [f"  {number}. {one.title} ({one.notebook})" for number, one in enumerate(steps, 1)]
    target = f" Its target is {span(pair.rto)} without a primary each time." if pair.rto else ""
    return (
        f"A drill of {pair.name} would change the pair twice, and end as it began:\n"
        + "\n".join(lines)
        + f"\n{target}\nClients are without a primary for a moment in 2 and in 4. "
        f"To do it: --confirm '{consent_of(pair)}'"
    )


def carried_out(
    pair: Pair, file: Path, steps: Sequence[DrillPhase], why: Sequence[str]
) -> list[PhaseDone]:
    """Run one phase after the other, as far as each ends well; what they print is passed on."""
    done: list[PhaseDone] = []
    for number, step in enumerate(steps, 1):
        print(f"{number}. {step.title}", flush=True)
        words = python("pgha_helpers", "run", step.notebook, str(file), *step.words, *why)
        ended = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = text_of(ended.stdout)
        lines = _passed_on(said, pair.name)
        print("".join(f"   {line}\n" for line in lines), end="", flush=True)
        found = _RECORD.findall(said)
        record = Path(found[-1]) if found else None
        reason = lines[0].removeprefix(f"{pair.name}: ") if lines else ""
        done.append(PhaseDone(step, ended.returncode, record, _summary(record), reason))
        if not done[-1].well:
            break
    return done


def _passed_on(said: str, pair: str) -> list[str]:
    """Of what a run has printed, what it came to, which begins with the pair's name, and its end.

    >>> _passed_on("looking\\nprod: critical: db1 is away\\na\\nb\\nc\\nd\\ne\\nRun 1", "prod")
    ['prod: critical: db1 is away', 'a', 'b', 'c', 'd', 'Run 1']
    """
    lines = said.splitlines()
    result = [number for number, line in enumerate(lines) if line.startswith(f"{pair}: ")]
    told = lines[result[-1] :] if result else lines[-6:]
    return [*told[:5], *told[5:][-1:]]


def _summary(record: Path | None) -> dict[str, Any]:
    with suppress(OSError, *ODD):
        if record is not None:
            return dict(json.loads((record / SUMMARY).read_bytes()))
    return {}


def conclude_drill(
    pair: Pair,
    steps: Sequence[DrillPhase],
    done: Sequence[PhaseDone],
    usual: Spread | None = None,
) -> tuple[bool, str]:
    """Write the report and its line in the sequence; gives whether all was well, and the words.

    `usual` is how long this pair's switchovers took before it. A drill passes if every phase ended
    well, no row was lost, and each outage kept to the target.
    """
    before = [drill.told for drill in earlier_drills(records_of(pair), pair.name)]
    faults = [*_faults(pair, steps, done), *_regressions(done, before)]
    passed = not any(fatal for fatal, _ in faults)
    name = f"drill-{datetime.now(UTC):{RECORD_STAMP}}-{secrets.token_hex(4)}.html"
    path = records_of(pair) / name
    text = drill_page(
        pair, passed, [what for _, what in faults], list(_shown(steps, done, usual)), before
    )
    replace_file(path, text, 0o640 if pair.records_group else 0o600)
    add_line(
        pair,
        DRILLED,
        passed=passed,
        pages={name: sha256(path)},
        runs=[one.run for one in done],
        outages=[one.outage for one in done if one.phase.moves],
        took=[seconds_of(one.told) for one in done],
    )
    verdict = "passed" if passed else "NOT PASSED"
    outages = [span(one.outage) for one in done if one.outage is not None]
    told = f" {' and '.join(outages)} without a primary." if outages else ""
    lines = [f"Drill of {pair.name}: {verdict}.{told}", *(f"  {what}" for _, what in faults)]
    return passed, "\n".join([*lines, f"Report: {path}"])


def _faults(
    pair: Pair, steps: Sequence[DrillPhase], done: Sequence[PhaseDone]
) -> Iterator[tuple[bool, str]]:
    """What is not as it should be, and whether it fails the drill."""
    for one in done:
        if not one.well:
            yield (
                True,
                f"{one.phase.title}: ended with exit code {one.code}: {one.why}".rstrip(": "),
            )
        if one.code == 1:
            yield False, f"{one.phase.title}: with a warning"
        if lost := _lost(one):
            yield True, f"{one.phase.title}: {lost} rows lost"
        if pair.rto and one.outage is not None and one.outage > pair.rto:
            yield (
                True,
                f"{one.phase.title}: {span(one.outage)} without a primary, over {span(pair.rto)}",
            )
    if len(done) < len(steps):
        left = f"{len(steps) - len(done)} of {len(steps)} phases were not begun"
        moved = any(one.told.get("changed") for one in done)
        yield True, f"{left}: {'the pair is not as before' if moved else 'nothing was changed'}"


def _regressions(done: Sequence[PhaseDone], before: Sequence[Any]) -> Iterator[tuple[bool, str]]:
    """Outages that are notably longer than those of the drills before."""
    known = [
        seconds for told in before for seconds in map(finite, told.get("outages") or ()) if seconds
    ]
    if not known:
        return
    usual = median(known)
    for one in done:
        if one.outage and one.outage > max(_LONGER * usual, usual + _NOTABLE):
            words = f"{span(one.outage)} without a primary, {span(usual)} in the drills before"
            yield False, f"{one.phase.title}: {words}"


def _lost(one: PhaseDone) -> int:
    """Rows that the canary was promised and that are gone."""
    lost = pairs_of(one.told.get("outage_as_seen")).get("lost")
    return len(lost) if isinstance(lost, list) else int(finite(lost) or 0)


def _shown(
    steps: Sequence[DrillPhase], done: Sequence[PhaseDone], usual: Spread | None
) -> Iterator[PhaseShown]:
    """Each phase beside what was expected of it: the median of this pair's switchovers."""
    for number, step in enumerate(steps):
        planned = span(usual.median) if usual and step.moves else ""
        if number >= len(done):
            yield PhaseShown(step.title, step.notebook, "not begun", planned, "", "", "", "")
            continue
        one = done[number]
        seen = pairs_of(one.told.get("outage_as_seen"))
        rows = f"{seen.get('acknowledged')} promised, {_lost(one)} lost" if seen else ""
        yield PhaseShown(
            step.title,
            step.notebook,
            str(one.told.get("outcome") or f"exit code {one.code}"),
            planned,
            span(one.outage) if one.outage is not None else "",
            rows,
            span(seconds_of(one.told) or 0.0),
            one.record.name if one.record else "",
        )
