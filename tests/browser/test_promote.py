"""A planned move as a person makes it in JupyterLab: the gate holds, and whatever is lost at it can
be begun again.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import read

from ..embedded import Lab
from ..lab.runs import to_promote
from ..lab.servers import standby_of, state_of, writable
from .desk import opened
from .seen import newest, verified

LAST = "conclude(run, judged(run, (*AFTER, *client.checks), after))"


def test_run_all_stops_at_the_gate_and_only_the_right_words_go_on(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    before, target = state_of(pair), standby_of(pair)
    source = CHECKOUT / "notebooks" / "promote.ipynb"
    committed = source.read_bytes()
    with opened(browser, pair, "promote", tmp_path, reason="in a browser", canary="true") as desk:
        desk.run_all()
        expect(desk.box).to_be_visible()
        expect(desk.gate.locator(".jp-Stdin-prompt")).to_contain_text(f"promote {target}")
        expect(desk.cell("hand_over(run, plan)").locator(".jp-InputPrompt")).to_have_text("[*]:")
        assert state_of(pair) == before, "nothing is changed while the gate is shown"
        expect(desk.cell("chart(run, sample(run, before))").locator("img")).to_have_count(1)

        desk.answer("promote dbx")
        expect(desk.gate).to_contain_text(f"'promote dbx' is not 'promote {target}")
        expect(desk.box).to_be_visible()
        assert state_of(pair) == before, "nothing is changed by a wrong word"

        desk.answer(to_promote(target))
        expect(desk.cell(LAST)).to_contain_text(": done: ")
        both = desk.cell("before.beside(after)")
        for node in pair.nodes:
            expect(both.get_by_role("row").filter(has_text=node)).not_to_have_count(0)
        expect(both).to_contain_text("primary")
        handed = desk.cell("hand_over(run, plan)")
        expect(handed).to_contain_text(f"{target}: promote (")
        expect(handed.locator("table")).to_have_count(0)
        assert handed.inner_text().count(f"{target}: promote (") == 1, "a step is told once"
        expect(desk.cell("steps=run.steps").locator("img")).to_have_count(1)
        expect(desk.cell("client.end()")).to_contain_text("longest time without a commit")
        expect(desk.cell("client.chart()").locator("img")).to_have_count(1)
        desk.save()
    assert writable(pair) == [target]
    assert read(desk.record).outcome == "done"
    assert source.read_bytes() == committed, "the source in git is never saved over"
    assert '"image/png"' in (desk.record / "notebook.ipynb").read_text()
    verified(pair)


def test_a_reload_at_the_gate_loses_the_box_and_a_new_run_goes_on(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    before, target = state_of(pair), standby_of(pair)
    with opened(browser, pair, "promote", tmp_path) as desk:
        desk.run_all()
        expect(desk.box).to_be_visible()
        desk.reload()
        expect(desk.box).to_have_count(0)
        desk.interrupt()
        desk.ready()
        assert state_of(pair) == before
        desk.run_all()
        expect(desk.box).to_be_visible()
        assert newest(pair, "promote") != desk.record, "a new run, in a folder of its own"
        desk.answer(to_promote(target))
        expect(desk.cell(LAST)).to_contain_text(": done: ")
        desk.save()
    first, second = read(desk.record), read(newest(pair, "promote"))
    assert first.outcome in ("abandoned", "refused") and not first.changed
    assert second.outcome == "done"
    assert second.first("run begun")["continues"] == first.first("run begun")["run"]
    assert writable(pair) == [target]


def test_a_kernel_that_is_restarted_after_the_hand_over_leaves_a_pair_that_a_rerun_completes(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    """The new primary works and the old one is not back yet; everything that the kernel knew is
    gone.
    """
    target = standby_of(pair)
    with opened(browser, pair, "promote", tmp_path) as desk:
        desk.run_all_above("gate(run, plan)")
        desk.ended("chart(run, sample(run, before))")
        desk.run_cell("gate(run, plan)")
        desk.answer(to_promote(target))
        expect(desk.gate).to_contain_text("Consent given")
        desk.run_cell("hand_over(run, plan)")
        desk.ended("hand_over(run, plan)")
        assert writable(pair) == [target]
        desk.restart()
        desk.run_all()
        told = desk.cell("run = begin(")
        expect(told).to_contain_text(f"run {desk.record.name[-8:]} (promote) promoted {target} ")
        expect(told).to_contain_text("ago: abandoned;")
        desk.answer(to_promote(target))
        expect(desk.cell(LAST)).to_contain_text(": done: ")
        desk.save()
    first, second = read(desk.record), read(newest(pair, "promote"))
    assert first.changed and first.outcome != "done"
    assert second.outcome == "done" and second.last("judged")["worst"] == "ok", (
        "the old primary is a standby that streams"
    )
    assert writable(pair) == [target]


def test_a_rehearsal_ends_in_no_red_and_the_parameters_explain_each_other(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    with opened(browser, pair, "promote", tmp_path, reason="a rehearsal") as desk:
        desk.run_all()
        expect(desk.box).to_be_visible()
        desk.answer("")
        expect(desk.gate).to_contain_text("This was a rehearsal: nothing was changed")
        desk.ended("gate(run, plan)")
        expect(desk.page.locator("[data-mime-type*=stderr]")).to_have_count(0)
        expect(desk.page.get_by_text("SystemExit")).to_have_count(0)
        never = desk.cell("hand_over(run, plan)").locator(".jp-InputPrompt")
        expect(never).to_have_text("[ ]:")
        expect(desk.cell("The defaults, and what each one means")).to_have_count(1)
        expect(desk.cell("It replaces the defaults above")).to_contain_text('"a rehearsal"')
    assert read(desk.record).outcome == "rehearsed"
