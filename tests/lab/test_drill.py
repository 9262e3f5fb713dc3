"""A drill: there and back by the notebooks, with one report that the sequence vouches for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pgha_helpers.judgement.checks import judge
from pgha_helpers.judgement.checks.surroundings import the_last_drill_is_recent
from pgha_helpers.model import Pair
from pgha_helpers.model.units import Seconds
from pgha_helpers.monitoring.drill import DrillPhase, PhaseDone, conclude_drill
from pgha_helpers.records.reading.drills import earlier_drills, seconds_since_drill
from pgha_helpers.records.reading.verification import verify
from pgha_helpers.run.parameters.pair_file import load_pair

from .. import embedded as lab
from ..conftest import pgha
from ..pure.pictures import healthy
from .servers import writable

STEPS = [DrillPhase("Is the pair well?", "verify"), DrillPhase("Promote db1", "promote")]


def test_a_drill_goes_there_and_back_and_leaves_one_report(pair: lab.Lab) -> None:
    asked = pgha("drill", str(pair.pair_file))
    assert (
        asked.returncode == 0 and "--confirm 'drill" in asked.stdout and writable(pair) == ["db0"]
    )
    found = load_pair(str(pair.pair_file))
    words = ("drill", str(pair.pair_file), "--confirm", f"drill {found.name}")
    done = pgha(*words, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout and writable(pair) == ["db0"]
    page = Path(done.stdout.rsplit("Report: ", 1)[1].strip())
    text = page.read_text()
    assert text.count("promised, 0 lost") == 2 and "Promote db0 again" in text
    assert "http" not in text.split("<body>")[1], "nothing of it is loaded from elsewhere"
    assert verify(found).findings == []
    since = seconds_since_drill(Path(found.records), found.name)
    assert since is not None and since < 300
    page.write_text(text.replace("0 lost", "7 lost"))
    assert [finding.where for finding in verify(found).findings] == [page.name]
    page.unlink()
    assert "removed" in str(verify(found))


@pytest.fixture
def kept(tmp_path: Path) -> Pair:
    found = replace(healthy().pair, records=str(tmp_path / "records"), rto=Seconds(0.2))
    Path(found.records).mkdir()
    return found


def phase(step: DrillPhase, code: int = 0, outage: float = 0.1, lost: int = 0) -> PhaseDone:
    seen = {"seconds": outage, "acknowledged": 9, "lost": lost} if step.moves else None
    told = {"outcome": "done", "changed": step.moves, "outage_as_seen": seen}
    record = Path(f"20261130T000000Z-x-{step.notebook}-0badcafe")
    return PhaseDone(step, code, record, told, "db1 is away" if code else "well")


@pytest.mark.parametrize(
    ("done", "passed", "words"),
    [
        ([phase(STEPS[0]), phase(STEPS[1])], True, "passed. 100 ms without a primary"),
        ([phase(STEPS[0], code=1), phase(STEPS[1])], True, "with a warning"),
        ([phase(STEPS[0], code=2)], False, "1 of 2 phases were not begun: nothing was changed"),
        (
            [phase(STEPS[0], code=2)],
            False,
            "Is the pair well?: ended with exit code 2: db1 is away",
        ),
        ([phase(STEPS[0]), phase(STEPS[1], lost=3)], False, "3 rows lost"),
        ([phase(STEPS[0]), phase(STEPS[1], outage=0.3)], False, "300 ms without a primary, over"),
        ([phase(STEPS[0]), phase(STEPS[1], code=5)], False, "ended with exit code 5"),
    ],
)
def test_what_a_drill_needs_to_pass(
    kept: Pair, done: list[PhaseDone], passed: bool, words: str
) -> None:
    assert conclude_drill(kept, STEPS, done)[0] is passed
    told = conclude_drill(kept, STEPS, done)[1]
    assert words in told and ("NOT PASSED" in told) is not passed
    assert len(earlier_drills(Path(kept.records), kept.name)) == 2 and verify(kept).findings == []


def test_a_longer_outage_than_in_the_drills_before_is_told(kept: Pair) -> None:
    for outage in (0.05, 0.06, 0.07):
        conclude_drill(kept, STEPS, [phase(STEPS[0]), phase(STEPS[1], outage=outage)])
    passed, told = conclude_drill(kept, STEPS, [phase(STEPS[0]), phase(STEPS[1], outage=0.15)])
    assert passed and "150 ms without a primary, 60 ms in the drills before" in told


@pytest.mark.parametrize(
    ("every", "since", "level"),
    [(0, None, "ok"), (86400, None, "warning"), (86400, 3600, "ok"), (3600, 86400, "warning")],
)
def test_an_old_drill_is_a_warning(every: float, since: float | None, level: str) -> None:
    now = healthy()
    now = replace(now, pair=replace(now.pair, drill_every=Seconds(every)), drilled=since)
    assert judge([the_last_drill_is_recent], now).worst == level
