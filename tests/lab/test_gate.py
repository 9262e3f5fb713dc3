"""The gate with somebody in front of it: what is typed is a stand-in's, and everything else is
real.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from pgha_helpers import gate, look, plan_promotion, plan_rebuild
from pgha_helpers.judgement.checks import serving
from pgha_helpers.model import frontend
from pgha_helpers.model.errors import NotConfirmed
from pgha_helpers.run.journal import read

from ..embedded import Lab
from .losers import start
from .runs import carry_out, running
from .servers import standby_of, stop_cleanly, wait_for, writable


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`person("wrong", "promote db1")` sits down and types these, one a question; gives the
    questions that were asked.

    An answer that is a function is called, and types what it gives.
    """

    def sits_down(*answers: str | Callable[[], str]) -> list[str]:
        asked: list[str] = []

        def answer(question: str) -> str:
            asked.append(question)
            typed = answers[len(asked) - 1]
            return typed if isinstance(typed, str) else typed()

        monkeypatch.setattr(frontend, "somebody", lambda: True)
        monkeypatch.setattr("builtins.input", answer)
        return asked

    return sits_down


def events(run: object) -> list[str]:
    return [event["event"] for event in read(run.folder).events]  # type: ignore[attr-defined]


def test_a_wrong_word_is_asked_again_and_every_answer_is_kept(
    pair: Lab, person: Callable[..., list[str]]
) -> None:
    target = standby_of(pair)
    asked = person("yes", f"Promote {target}", f"promote {target}")
    with running(pair, "promote", operator="Ann") as run:
        plan = gate(run, plan_promotion(run, look(run)))
        assert run.gate.permit == plan and len(asked) == 3
        answers = [e for e in read(run.folder).events if e["event"] == "gate answered"]
        assert [(e["answer"], e["right"]) for e in answers] == [
            ("yes", False),
            (f"Promote {target}", False),
            (f"promote {target}", True),
        ]
        assert answers[-1]["by"] == "Ann" and answers[-1]["seconds"] >= 0


def test_nothing_typed_ends_the_rehearsal(pair: Lab, person: Callable[..., list[str]]) -> None:
    person("")
    with running(pair, "promote") as run:
        with pytest.raises(SystemExit) as left:
            gate(run, plan_promotion(run, look(run)))
        assert left.value.code == 0 and run.ended == "rehearsed"


def test_what_was_shown_has_changed_so_it_is_shown_and_asked_again(
    own_pair: Lab, person: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """db1 is down and could follow; while its gate waits for an answer, somebody breaks its
    disk.
    """
    own_pair.kill("db1")

    def breaks_it() -> str:
        own_pair.wreck("db1")
        return "rebuild db1"

    with running(own_pair, "rebuild", node="db1") as run:
        plan = plan_rebuild(run, look(run))
        assert plan.kind == "follow"
        asked = person(breaks_it, "rebuild db1")
        agreed = gate(run, plan)
        assert agreed.kind == "clone" and run.gate.permit == agreed and len(asked) == 2
        assert events(run).count("gate shown") == 2 and "gate reopened" in events(run)
        assert (
            "What the gate showed has changed while it waited. Now it is:"
            in capsys.readouterr().out
        )
        assert run.lock.held == ("db0", "db1")


def test_where_nobody_can_be_asked_it_is_refused(
    own_pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_pair.kill("db1")
    with running(own_pair, "rebuild", node="db1", confirm="rebuild db1") as run:
        plan = plan_rebuild(run, look(run))
        own_pair.wreck("db1")
        with pytest.raises(NotConfirmed, match="has changed while it waited"):
            gate(run, plan)
        assert run.gate.permit is None and not run.lock.held


def test_what_came_about_meanwhile_ends_well_where_nobody_can_be_asked(pair: Lab) -> None:
    """A server that was starting streams by then: "run it again and read it anew", said cron's."""
    node = standby_of(pair)
    stop_cleanly(pair, node)
    with running(pair, "rebuild", confirm=f"rebuild {node}") as run:
        plan = plan_rebuild(run, look(run))
        assert plan.kind == "follow" and not plan.already
        start(pair, node)
        assert wait_for(lambda: plan_rebuild(run, look(run)).already)
        with pytest.raises(SystemExit) as left:
            gate(run, plan)
        assert left.value.code == 0 and run.ended == "already so"
        assert not run.lock.held


def test_a_promotion_is_undone_within_an_hour_only_by_words_of_its_own(
    own_pair: Lab, person: Callable[..., list[str]]
) -> None:
    """Whoever lost the page on which it happened is offered the way back, and types what is
    shown.
    """
    carry_out(own_pair, "promote", "promote db1")
    with pytest.raises(
        NotConfirmed, match=r"'promote db0, back again'\. Run .* promoted db1 .* ago"
    ):
        carry_out(own_pair, "promote", "promote db0")
    assert writable(own_pair) == ["db1"]
    shutil.move(own_pair.folder / "records", own_pair.folder / "elsewhere")
    asked = person("promote db0", "promote db0, back again")
    with running(own_pair, "promote") as run:
        plan = plan_promotion(run, look(run))
        assert plan.told[0].startswith("Somebody (no run of this machine) promoted db1")
        gate(run, plan)
        assert "promote db0, back again" in asked[0] and len(asked) == 2


def test_a_move_to_a_node_that_sorts_otherwise_takes_words_that_say_so(
    own_pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both nodes of a lab have one C library: their versions are a stand-in's."""
    monkeypatch.setattr(serving, "_versions", lambda _, node: {"shop": f"2.36 of {node}"})
    with pytest.raises(NotConfirmed, match="promote db1, sorted otherwise"):
        carry_out(own_pair, "promote", "promote db1")
    assert writable(own_pair) == ["db0"]
    carry_out(own_pair, "promote", "promote db1, sorted otherwise")
    assert writable(own_pair) == ["db1"]
