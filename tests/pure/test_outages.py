"""The time without a primary is that of the change: across the runs that carried it out, and never
told as none.
"""

from __future__ import annotations

from typing import Any

import pytest

from pgha_helpers.model import Outage
from pgha_helpers.model.show import utc
from pgha_helpers.records.making.outage import outage_of_change
from pgha_helpers.records.making.summary import summarise
from pgha_helpers.records.reading.outages import outage, without_primary
from pgha_helpers.run.journal import Story

Events = list[dict[str, Any]]
SKEW = 0.25  # seconds that the nodes' clocks are ahead


def run(name: str, *events: dict[str, Any], gate: bool = True, notebook: str = "promote") -> Events:
    passed = [{"event": "gate passed", "at": events[0]["at"]}] if gate else []
    return [
        {"event": "run begun", "run": name, "notebook": notebook, "at": events[0]["at"]},
        *passed,
        *events,
    ]


def at(moment: float, event: str, **facts: Any) -> dict[str, Any]:
    return {"event": event, "at": utc(moment), **facts}


def stop(moment: float) -> dict[str, Any]:
    return at(moment, "deed begun", node="db0", kind="stop primary")


def promoted(moment: float) -> dict[str, Any]:
    facts = {"kind": "promote", "changed": True, "began": moment - 0.05, "seconds": 0.05}
    return at(moment, "deed ended", node="db1", **facts)


def look(moment: float, *facts: dict[str, Any]) -> dict[str, Any]:
    return at(moment, "seen", nodes={}, facts=list(facts))


def runs_as(primary: bool, timeline: int = 1, **disk: Any) -> dict[str, Any]:
    return {
        "is": "Running",
        "in_recovery": not primary,
        "timeline": timeline,
        "disk": {"clock_skew": SKEW, **disk},
    }


def stopped(state: str = "shut down", **dates: float) -> dict[str, Any]:
    """db0, at rest on timeline 1; dates by its own clock."""
    control = {"state": state, "checkpoint": {"timeline": 1}}
    dates = {name: date + SKEW for name, date in dates.items()}
    return {"is": "Stopped", "disk": {"control": control, "clock_skew": SKEW, **dates}}


def silent() -> dict[str, Any]:
    return {"is": "Silent"}


HEALTHY = (runs_as(True), runs_as(False))
NOBODY = (stopped(), runs_as(False))
LOOK = run("cron", look(50, *HEALTHY), gate=False, notebook="verify")


def told(own: Events, *older: Events, here: tuple[str, ...] = ("a", "b", "c")) -> Outage:
    found = outage_of_change(own, older, here)
    assert found
    return found


def test_one_run_tells_from_the_stop_to_the_promotion() -> None:
    found = told(run("a", look(99, *HEALTHY), stop(100), promoted(100.2), look(101, runs_as(True))))
    assert (found.seconds, found.at_most, found.runs) == (
        pytest.approx(0.2),
        pytest.approx(0.2),
        ("a",),
    )


def test_a_run_that_died_in_the_stop_and_those_that_went_on_have_one_outage() -> None:
    first = run("a", look(99, *HEALTHY), stop(100))
    second = run("b", look(110, *NOBODY))
    found = told(run("c", look(130, *NOBODY), promoted(144)), second, first, LOOK)
    assert (found.seconds, found.facts["at_least"], found.runs) == (44, False, ("a", "b", "c"))
    assert "44 s" in str(found) and "in runs a and b and c" in str(found)


def test_a_verify_between_them_counts_as_a_sign_and_not_as_a_part() -> None:
    first = run("a", look(99, *HEALTHY), stop(100))
    cron = run("cron", look(120, *NOBODY), gate=False, notebook="verify")
    assert told(run("b", look(130, *NOBODY), promoted(144)), cron, first).runs == ("a", "b")


def test_what_was_taken_back_tells_the_outage_of_its_abort() -> None:
    first = run("a", look(99, *HEALTHY), stop(100))
    started = {"kind": "start", "changed": True, "began": 130.5, "seconds": 0.5}
    opened = at(131, "deed ended", node="db0", **started)
    ends = look(131.2, runs_as(True)), at(132, "outage ended", new="db0")
    found = told(
        run(
            "b",
            look(127, *NOBODY),
            at(128, "outage goes on"),
            at(130, "abort", old="db0"),
            opened,
            *ends,
        ),
        first,
    )
    assert (found.seconds, found.facts["at_least"], found.runs) == (31, False, ("a", "b"))


def test_a_promotion_that_came_after_its_run_had_died_is_told_by_the_next_one() -> None:
    """Its end is the date of the history file, which the promotion wrote."""
    first = run(
        "a", look(99, *HEALTHY), stop(100), at(100.1, "deed begun", node="db1", kind="promote")
    )
    now = stopped(armed=99.9, written=100.1), runs_as(True, 2, forked=103 + SKEW)
    found = told(run("b", look(160, *now)), first)
    assert (found.seconds, found.facts["at_least"], found.runs) == (pytest.approx(3), False, ("a",))


@pytest.mark.parametrize("tells", [True, False])
def test_what_an_earlier_run_has_told_is_not_told_again(tells: bool) -> None:
    before = run(
        "a",
        look(99, *HEALTHY),
        stop(100),
        promoted(144),
        *([at(145, "outage", until=utc(144))] if tells else []),
    )
    found = outage_of_change(run("b", look(200, runs_as(True))), [before], ("a", "b"))
    assert (found is None) == tells


def test_a_healthy_pair_has_had_none() -> None:
    assert outage_of_change(run("b", look(200, *HEALTHY)), [LOOK], ()) is None


def test_what_was_told_last_week_does_not_keep_this_from_being_told() -> None:
    """A run on another machine has promoted and died; the newest change here was another one."""
    week = run(
        "a",
        look(9, *HEALTHY),
        stop(10),
        promoted(10.2),
        at(10.3, "outage", until=utc(10.2)),
        at(11, "run ended"),
    )
    now = stopped(armed=100, written=116), runs_as(True, 2, forked=144 + SKEW)
    dead = at(161, "chained", previous={"run": "elsewhere", "begun": utc(85)})
    assert told([*run("b", look(160, *now)), dead], week).runs == ("elsewhere",)


@pytest.mark.parametrize("began", [10, 85])
def test_a_run_that_died_elsewhere_has_a_part_only_if_nobody_saw_a_primary_since(
    began: float,
) -> None:
    """Its like stays the newest change of its machine for months; db0 has crashed now."""
    crashed = stopped("in production"), runs_as(False)
    dead = at(90, "chained", previous={"run": "elsewhere", "begun": utc(began)})
    parts = told([*run("a", look(99, *crashed)), dead, promoted(100)], LOOK).runs
    assert parts == (("a",) if began < 50 else ("elsewhere", "a"))


@pytest.mark.parametrize(
    "odd",
    [
        [],
        [{"event": "seen"}],
        [{"event": "run begun", "at": "yesterday"}],
        [
            {"event": "run begun", "at": utc(1)},
            {"event": "deed ended", "kind": "promote", "changed": True, "at": None},
        ],
        [
            {"event": "run begun", "at": utc(1)},
            {"event": "seen", "at": utc(2), "facts": [{"is": ["x"]}, 7]},
        ],
        [
            {"event": "run begun", "at": utc(1)},
            {"event": "chained", "at": utc(2), "previous": {"begun": utc(1)}},
        ],
    ],
)
def test_an_odd_record_spoils_no_end_of_another_change(odd: Events) -> None:
    first = run("a", look(99, *HEALTHY), stop(100))
    assert told(run("b", look(130, *NOBODY), promoted(144)), odd, first, LOOK).seconds == 44


# Nobody knows all of it


def test_a_run_that_was_killed_says_that_it_was_not_over() -> None:
    story = Story(run("a", look(99, *HEALTHY), stop(100)), "interrupted")
    summary = summarise(story)
    assert (
        summary["outage_seconds"] == 0 and outage(summary) == "not over, since 00:01:40Z (runbook)"
    )
    assert "not over when this run ended" in without_primary(summary)


def test_a_primary_that_was_lost_is_lost_at_least_since_somebody_saw_that() -> None:
    crashed = stopped("in production"), runs_as(False)
    night = run("cron", look(70, *crashed), gate=False, notebook="verify")
    found = told(run("a", look(99, *crashed), promoted(100)), night, LOOK)
    assert (found.seconds, found.at_most, found.runs) == (30, 50, ("a",))
    assert str(found).startswith("at least 30 s") and "at most 50 s" in str(found)


def test_a_silent_node_is_not_known_to_be_down_before_it_is_fenced() -> None:
    lost = silent(), runs_as(False)
    fenced = at(98, "fenced by", node="db0", way="word")
    assert told(run("a", look(80, *lost), fenced, promoted(100)), LOOK).seconds == 2


@pytest.mark.parametrize("ended", ["", utc(90)])
def test_a_run_on_another_machine_is_known_by_the_nodes_alone(ended: str) -> None:
    """The file that armed db0, and its control file, have dates; the notes name the run."""
    previous = {"run": "elsewhere", "begun": utc(85), "ended": ended}
    own = run(
        "a",
        look(130, stopped(armed=100, written=116), runs_as(False)),
        at(131, "chained", previous=previous),
    )
    found = told([*own, promoted(144)], LOOK)
    assert (found.seconds, found.at_most) == (pytest.approx(28), pytest.approx(44))
    assert found.runs == (("a",) if ended else ("elsewhere", "a"))


def test_a_promotion_on_another_machine_that_was_never_told_is_told() -> None:
    now = stopped(armed=100, written=116), runs_as(True, 2, forked=144 + SKEW)
    own = run("a", look(160, *now))
    dead = at(161, "chained", previous={"run": "elsewhere", "begun": utc(85)})
    well = at(161, "chained", previous={"run": "elsewhere", "begun": utc(85), "ended": utc(150)})
    assert told([*own, dead]).runs == ("elsewhere",) and told(
        [*own, dead]
    ).seconds == pytest.approx(28)
    assert outage_of_change([*own, well], [], ()) is None


def test_dates_of_a_clock_that_is_a_little_off_spoil_no_measure() -> None:
    first = run("a", look(99, *HEALTHY), stop(100))
    found = told(
        run("b", look(130, stopped(armed=100.4, written=100.5), runs_as(False)), promoted(144)),
        first,
    )
    assert (found.seconds, found.facts["at_least"]) == (44, False)


def test_one_that_was_disarmed_and_shut_down_again_leaves_only_the_least() -> None:
    """Somebody opened it by hand meanwhile: the outage that the run began was over then."""
    first = run("a", look(99, *HEALTHY), stop(100))
    found = told(run("b", look(130, stopped(written=120), runs_as(False)), promoted(144)), first)
    assert found.seconds == pytest.approx(24) and found.facts["at_least"] and found.at_most is None


def test_a_dead_standbys_old_shutdown_is_not_taken_for_its_beginning() -> None:
    """db0 was left behind on timeline 1 weeks ago; db1 is lost now."""
    now = stopped(armed=1, written=2), {**runs_as(False), "timeline": 2}
    assert told(run("a", look(99, *now), promoted(100))).seconds == 1


def test_commits_that_wait_for_their_synchronous_standby_count() -> None:
    begins = at(99.9, "outage begins", synchronous=True)
    ends = look(103, runs_as(True)), at(103.1, "outage ended", new="db1")
    assert told(
        run("a", look(99, *HEALTHY), begins, stop(100), promoted(100.2), *ends)
    ).seconds == pytest.approx(3.1)


def test_a_restart_of_a_setup_counts() -> None:
    restart = at(100, "deed begun", node="db0", kind="stop to restart")
    story = run(
        "a", look(99, *HEALTHY), restart, at(102, "outage ended", new="db0"), notebook="setup"
    )
    assert told(story).seconds == 2 and summarise(Story(story, "ended"))["outage_seconds"] == 2


def test_a_canary_that_began_too_late_does_not_shorten_it() -> None:
    whole = {
        "seconds": 44.0,
        "since": utc(100),
        "until": utc(144),
        "at_least": False,
        "over": True,
        "runs": ["a", "b"],
    }
    late = {"seconds": 2.0, "since_row": False, "over": True}
    assert (
        outage({"outage": whole, "outage_seconds": 44.0, "outage_as_seen": late})
        == "44 s (runbook, 2 runs)"
    )
    assert outage({"outage_as_seen": late}) == "at least 2 s (canary)"
    assert "Runs a and b had a part in it" in without_primary(
        {"outage": whole, "outage_seconds": 44.0}
    )
