"""A page that is reloaded, closed or doubled hears nothing of what its kernel goes on to do: the
journal tells it, where the notebook is opened and where it is run again.
"""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from pgha_helpers.run.journal import Story, read

from ..embedded import Lab
from ..lab.runs import to_promote
from ..lab.servers import standby_of, writable
from .desk import PATIENCE, Desk, opened
from .seen import LOST, newest, outputs, verified


def ended(record: Path) -> Story:
    """The journal of a run, once the kernel has come to its end, whoever looks on."""
    deadline = time.monotonic() + PATIENCE
    while (story := read(record)).state != "ended":
        assert time.monotonic() < deadline, story.events[-1]
        time.sleep(0.1)
    return story


def tells_what_happened(desk: Desk, target: str) -> None:
    """An opened page shows the journal's words in the cells that it has not heard."""
    handed = desk.cell("hand_over(run, plan)")
    expect(handed).to_contain_text(LOST)
    expect(handed).to_contain_text(f"{target}: promote (")
    expect(handed).to_contain_text("Outage: ")
    expect(desk.gate).to_contain_text(f"“{to_promote(target)}” was given")
    expect(desk.cell("conclude(run")).to_contain_text("run ended: done")


def test_a_reload_after_the_consent_shows_what_happened_and_asks_for_the_way_back(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    target = standby_of(pair)
    with opened(browser, pair, "promote", tmp_path, reason="reloaded") as desk:
        desk.run_all()
        expect(desk.box).to_be_visible()
        desk.consent_and_leave(to_promote(target))
        desk.reload()
        story = ended(desk.record)
        assert story.outcome == "done" and writable(pair) == [target]
        desk.reload()
        tells_what_happened(desk, target)
        desk.ready()
        desk.run_all()
        expect(desk.box).to_be_visible()
        begun = desk.cell("run = begin(")
        run = story.first("run begun")["run"]
        expect(begun).to_contain_text(f"run {run} (promote) promoted {target} ")
        expect(begun).to_contain_text("ago: done;")
        expect(begun).to_contain_text("clients without a primary: ")
        expect(begun).to_contain_text("It was run in this notebook. Where the page lost it")
        expect(begun.get_by_role("row").filter(has_text="promote")).not_to_have_count(0)
        back = f"promote {standby_of(pair)}"
        expect(desk.gate.locator(".jp-Stdin-prompt")).to_contain_text(f"{back}, back again")
        desk.answer(back)
        expect(desk.gate).to_contain_text(f"'{back}' is not '{back}, back again'")
        desk.answer("")
        expect(desk.gate).to_contain_text("nothing was changed")
        desk.save()
    assert writable(pair) == [target]
    told = outputs(desk.record)
    assert LOST in told and f"{target}: promote (" in told and "Outage: " in told
    assert LOST not in outputs(newest(pair, "promote"))
    verified(pair)


def test_a_tab_that_was_closed_after_the_consent_is_opened_again(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    target = standby_of(pair)
    with opened(browser, pair, "promote", tmp_path, reason="closed") as desk:
        with desk.another_tab() as tab:
            tab.run_all()
            expect(tab.box).to_be_visible()
            tab.consent_and_leave(to_promote(target))
        assert ended(desk.record).outcome == "done" and writable(pair) == [target]
        desk.reload()
        tells_what_happened(desk, target)
    assert LOST in outputs(desk.record)
    report = (desk.record / "report.html").read_text()
    assert "The page lost this cell" in report
    verified(pair)


def test_a_reload_at_the_gate_says_that_it_waits(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    before = writable(pair)
    with opened(browser, pair, "promote", tmp_path, reason="reloaded at the gate") as desk:
        desk.run_all()
        expect(desk.box).to_be_visible()
        desk.reload()
        expect(desk.gate).to_contain_text("The gate waits for an answer, and nothing is changed")
        expect(desk.gate).to_contain_text("if that is gone, choose Kernel > Interrupt Kernel")
    assert not read(desk.record).changed and writable(pair) == before
    verified(pair)
