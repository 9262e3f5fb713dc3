"""A pair's whole life on every version of PostgreSQL at hand, by every method that it has."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pgha_helpers import HEALTHY, judged, look
from pgha_helpers.changes import plan_rebuild
from pgha_helpers.model.dialect import has
from pgha_helpers.model.errors import HaError
from pgha_helpers.model.major import Major, order
from pgha_helpers.model.show import Table
from pgha_helpers.monitoring import tried
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import read

from ..bench.pairs import pair_of
from ..embedded import Lab, LabError
from ..lab.converging import PROCEDURES, Told
from ..lab.cycles import alive, switched
from ..lab.runs import carry_out, running
from ..lab.servers import ask, records
from ..majors import MAJORS, fetched, old_versions
from .trial import Outcome

_HEAD = (
    *("version", "day", "setup", "verify", "switchovers, rows lost", "outage, ms"),
    *("failover, rows lost", "salvaged", "rebuild", "what was limited"),
)
#: Each kind, and the program that it takes.
_REBUILDS = {"rewind": "pg_rewind", "rsync": "pg_ctl", "clone": "pg_basebackup"}
#: The cells of each version's row; the day and the ways are what `pgha support` tells.
_LIVES = Path(__file__).with_name("lives.json")
_PAGE = CHECKOUT / "docs/versions.md"
_WORDS = 110  # letters of a reason that fit a cell


@dataclass
class Life:
    """A row of the table, cell by cell, and what must not have happened."""

    version: str
    cells: dict[str, str] = field(default_factory=dict)
    limits: dict[str, None] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def tried(self, cell: str, refused: bool = False) -> Iterator[None]:
        """What is raised inside is told in this cell; it is a fault unless it may be refused."""
        try:
            yield
        except (HaError, LabError, AssertionError) as error:
            words = " ".join(str(getattr(error, "what", "") or error).split())[:_WORDS]
            self.cells[cell] = f"{self.cells[cell]}, {words}" if cell in self.cells else words
            if not refused:
                self.faults.append(f"{self.version}, {cell}: {words}")


def versions(folder: Path, count: int) -> Outcome:
    """`count` switchovers there and back on each, then a failover and each kind of rebuild."""
    asked, faults = os.environ.get("PGHA_VERSIONS", "").split(), list[str]()
    for number, (name, programs) in enumerate(_at_hand()):
        if asked and name not in asked:
            continue
        life = Life(name)
        try:
            _live(life, folder / str(number), programs, count)
        except Exception as error:  # whatever it is, the other versions are still to be tried
            life.faults.append(f"{life.version}: {type(error).__name__}: {error}")
        faults += life.faults
        _keep(life)
        print("  ", life.version, *life.cells.values(), *life.faults, sep=" | ", flush=True)
    _support_tells_it()
    heading = "The whole life of a pair: the last trial of each version"
    return Outcome(heading, Table(_HEAD, [*_rows()]), faults)


def _kept(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return found


def _keep(life: Life) -> None:
    """What `pgha support` and the page tell of, beside the last trials of other versions."""
    told = {
        tried.TRIED: {"day": f"{datetime.now(UTC):%Y-%m-%d}", "ways": life.ways},
        _LIVES: {**life.cells, "what was limited": "; ".join(life.limits)},
    }
    for file, one in told.items():
        known = _kept(file) | {life.version: one}
        file.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def _support_tells_it() -> None:
    """The matrix on the page, by what was kept just now."""
    tried.last_trials.cache_clear()
    head, _, rest = _PAGE.read_text().partition(f"{tried.BEGIN}\n")
    after = rest.partition(tried.END)[2]
    _PAGE.write_text(f"{head}{tried.BEGIN}\n{tried.support_table()}{tried.END}{after}")


def _rows() -> Iterator[Sequence[str]]:
    days = _kept(tried.TRIED)
    for version, cells in sorted(_kept(_LIVES).items(), key=lambda each: order(each[0])):
        told = {"version": version, "day": days[version]["day"], **cells}
        yield [told.get(name, "") for name in _HEAD]


def _at_hand() -> Iterator[tuple[str, Path | None]]:
    """The versions of PGHA_OLD_POSTGRES, and one of each major that a package has."""
    yield from old_versions().items()
    for each in MAJORS:
        if each.client == "apt":
            yield str(each.major), Path(each.inside)
        else:
            yield str(each.major), fetched(each) if each.client else None


def _live(life: Life, folder: Path, programs: Path | None, count: int) -> None:
    for method in ("rsync", "basebackup"):
        with life.tried("setup", refused=True), _quiet(), pair_of(folder, programs, method) as pair:
            version = str(ask(pair, "db0", "show server_version")[0][0]).split()[0]
            life.version = version
            before = life.cells.get("setup", "")
            life.cells["setup"] = f"{before}, {method}" if before else method
            life.ways.append(f"setup {method}")
            copies = _has(pair, "pg_basebackup") and has("pg_basebackup", Major.parse(version))
            if method == "basebackup" or not copies:
                _after_setup(life, pair, count)
                break
    if len(life.cells) == 1:
        life.faults.append(f"{life.version}: {life.cells['setup']}")


def _has(pair: Lab, program: str) -> bool:
    return (pair.node("db0").bin_directory / program).exists()


def _after_setup(life: Life, pair: Lab, count: int) -> None:
    with life.tried("verify"):
        life.cells["verify"] = _verified(life, pair)
        life.ways.append("verify")
    with life.tried("switchovers, rows lost"):
        moved = [switched(pair) for _ in range(2 * count)]
        lost = sum(one.lost for one in moved)
        rows = sum(one.acknowledged for one in moved)
        life.cells["switchovers, rows lost"] = f"{len(moved)}: {lost} of {rows}"
        life.ways.append("promote switchover")
        outages = sorted(one.outage * 1000 for one in moved)
        life.cells["outage, ms"] = f"{outages[0]:.0f} to {outages[-1]:.0f}"
        if lost or any(one.overlaps for one in moved):
            life.faults.append(f"{life.version}: {lost} rows lost in switchovers")
    with life.tried("failover, rows lost"):
        told = PROCEDURES["failover"](pair, alive)
        life.cells["failover, rows lost"] = _went(life, "failover", told)
        life.cells["salvaged"] = _salvaged(pair)
        life.ways += ["promote failover", "rebuild follow"] if told.converged else []
    done = ["follow"]
    for method, program in _REBUILDS.items():
        if _has(pair, program) and _rebuilt(life, pair, method):
            done.append(method)
    life.ways += [f"rebuild {method}" for method in done[1:]]
    life.cells["rebuild"] = ", ".join(done)


def _rebuilt(life: Life, pair: Lab, method: str) -> bool:
    """Whether it was rebuilt so; what cannot be is told, and mended by the runbook's own choice."""
    try:
        told = PROCEDURES[f"rebuild by {method}"](pair, alive)
    except HaError as why:
        life.limits[f"{method}: {' '.join(why.what.split())[:_WORDS]}"] = None
        _mend(life, pair)
        return False
    _went(life, f"rebuild by {method}", told)
    return told.converged


def _mend(life: Life, pair: Lab) -> None:
    with life.tried("rebuild"):
        with running(pair, "rebuild") as run:
            consent = plan_rebuild(run, look(run)).consent
        carry_out(pair, "rebuild", consent)


def _went(life: Life, what: str, told: Told) -> str:
    life.faults += [f"{life.version}, {what}: {fault}" for fault in told.faults]
    return f"{told.lost}" if told.converged else f"{told.lost}; {'; '.join(told.faults)[:_WORDS]}"


def _verified(life: Life, pair: Lab) -> str:
    with running(pair, "verify", light=True) as run:
        verdicts = judged(run, HEALTHY, look(run, closely=True))
    for one in verdicts.against:
        if one.level == "warning":
            shorter = re.sub(r'"/[^"]*/([^/"]*)"', r"…/\1", one.reason)
            told = (re.sub("^db[01]:? | on db[01]$", "", why) for why in shorter.split("; "))
            life.limits.update(dict.fromkeys(told))
    well = sum(one.level == "ok" for one in verdicts)
    bad = [one.reason[:_WORDS] for one in verdicts if one.level in ("critical", "unknown")]
    life.faults += [f"{life.version}, verify: {why}" for why in bad]
    return f"{well} of {len(verdicts)}"


def _salvaged(pair: Lab) -> str:
    """What the newest failover brought over, in its own words."""
    for folder in reversed(list(records(pair))):
        for event in read(folder).events:
            if event.get("kind") == "copy wal" and event["event"] == "deed ended":
                return str(event["did"]).removeprefix("brought over ").partition(" of WAL")[0]
    return "nothing"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
