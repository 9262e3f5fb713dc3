"""An outage is told whole, by the run that ends it: however many runs were killed on the way, and
wherever they ran.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.changes import resuming
from pgha_helpers.model.errors import Aborted, NotAchieved
from pgha_helpers.records.making.summary import summarise
from pgha_helpers.records.reading.entries import entries
from pgha_helpers.records.reading.listing import listing
from pgha_helpers.records.reading.page import page
from pgha_helpers.run.journal import read

from ..embedded import Lab
from .dying import Words, at_boundary
from .nights import MOMENTS, once_before
from .runs import carry_out, to_promote
from .servers import ask, clients, records, standby_of, wait_for, writable

BEFORE_PROOF = "prove that it has replayed"
WAIT = 1.5  # seconds until somebody starts it again
SLACK = 0.7  # seconds: a client connects again when it gets round to it, and a date is a node's


def killed(pair: Lab, words: Words, boundary: str = BEFORE_PROOF) -> str:
    """The id of a run that was killed there, some time ago."""
    died = at_boundary(boundary)(pair, words)
    assert boundary in died, died
    time.sleep(WAIT)
    return newest(pair).name[-8:]


def newest(pair: Lab) -> Path:
    return list(records(pair))[-1]


def told(pair: Lab) -> dict[str, Any]:
    """What the newest record says of its outage."""
    summary = summarise(read(newest(pair)))
    assert summary["outage_seconds"] == (summary["outage"] or {}).get("seconds")
    return summary["outage"] or {}


def synchronous(pair: Lab, names: str) -> None:
    for node in pair.nodes:
        ask(pair, node, f"alter system set synchronous_standby_names = '{names}'")
        ask(pair, node, "select pg_reload_conf()")


def test_three_runs_have_one_outage_and_the_last_one_tells_it(pair: Lab) -> None:
    """On a synchronous pair, where clients go on when the old primary streams: no road is tried
    before that.
    """
    words = Words("promote", to_promote(standby_of(pair)))
    synchronous(pair, "*")
    with clients(pair) as load:
        runs = [killed(pair, words)]
        assert told(pair)["over"] is False
        runs.append(killed(pair, words))
        carry_out(pair, "promote", words.consent)
    synchronous(pair, "")
    whole = told(pair)
    assert whole["runs"] == [*runs, newest(pair).name[-8:]] and not whole["at_least"]
    assert whole["seconds"] > 2 * WAIT and abs(whole["seconds"] - load.longest_gap()) < SLACK
    found = entries(pair.folder / "records")
    assert ", 3 runs)" in str(listing(found)) and "not over, since" in str(listing(found))
    assert ", 3 runs)" in page(found)


def test_a_hand_over_that_is_taken_back_by_another_run_tells_all_of_it(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = Words("promote", to_promote(standby_of(pair)))

    def no_proof(*_: object) -> None:
        raise NotAchieved("there is no proof")

    with clients(pair) as load:
        first = killed(pair, words)
        monkeypatch.setattr(resuming, "prove_all", no_proof)
        with pytest.raises(
            Aborted, match=f"without a primary for .* in runs {first} and "
        ) as error:
            carry_out(pair, "promote", words.consent)
    whole = told(pair)
    assert (
        whole["runs"][0] == first and not whole["at_least"] and whole["words"] in str(error.value)
    )
    assert abs(whole["seconds"] - load.longest_gap()) < SLACK


def test_a_run_of_another_machine_is_counted_by_what_the_nodes_know(
    pair: Lab, tmp_path: Path
) -> None:
    words = Words("promote", to_promote(standby_of(pair)))
    with clients(pair) as load:
        first = killed(pair, words)
        elsewhere = newest(pair).rename(tmp_path / "elsewhere")
        carry_out(pair, "promote", words.consent)
    whole = told(pair)
    shutil.move(elsewhere, pair.folder / "records" / f"20000101T000000Z-lab-promote-{first}")
    assert whole["runs"] == [first, newest(pair).name[-8:]]
    assert WAIT < whole["seconds"] <= load.longest_gap() + SLACK
    assert whole["at_most"] is None or whole["at_most"] > load.longest_gap() - SLACK


def test_a_promotion_that_comes_after_its_run_has_died_is_told_by_the_next(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = standby_of(pair)

    def die() -> None:
        raise SystemExit("kill -9, as far as the pair can tell")

    with clients(pair) as load:
        once_before(monkeypatch, *MOMENTS["after promote was sent"], die)
        with pytest.raises(SystemExit):
            carry_out(pair, "promote", to_promote(target))
        assert told(pair)["over"] is False
        first = newest(pair).name[-8:]
        assert wait_for(lambda: writable(pair) == [target])
        time.sleep(WAIT)
        carry_out(pair, "promote", to_promote(target))
    whole = told(pair)
    assert whole["runs"] == [first] and whole["seconds"] < WAIT
    assert abs(whole["seconds"] - load.longest_gap()) < SLACK


def test_a_failover_that_goes_on_after_a_dead_switchover_tells_from_its_stop(own_pair: Lab) -> None:
    """db0 was stopped by it; then its machine is given up."""
    with clients(own_pair) as load:
        first = killed(own_pair, Words("promote", "promote db1"))
        carry_out(own_pair, "promote", "promote db1", occasion="failover")
    whole = told(own_pair)
    assert whole["runs"] == [first, newest(own_pair).name[-8:]] and not whole["at_least"]
    assert abs(whole["seconds"] - load.longest_gap()) < SLACK
