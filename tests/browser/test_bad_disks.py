"""Where the disk of JupyterLab's server is slow or full, nothing stands before the gate."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from ..embedded import Lab
from .desk import opened
from .seen import LOST, outputs, verified

#: What JupyterLab's own server does, on a disk that takes this many seconds for each notebook.
SLOW = """
import asyncio
from pgha_helpers.records.making.contents import Contents
save = Contents._save_notebook
async def slowly(self, *given, **more):
    done = await save(self, *given, **more)
    await asyncio.sleep({seconds})
    return done
Contents._save_notebook = slowly
"""


#: And on one that takes nothing.
FULL = """
import errno
from pgha_helpers.records.making.contents import Contents
async def refused(self, *given, **more):
    raise OSError(errno.ENOSPC, "No space left on device")
Contents._save_notebook = refused
"""


def configure(folder: Path, code: str) -> None:
    """Have JupyterLab's server, whose settings are in this folder, run this code first."""
    settings = folder / "jupyter_config_dir"
    settings.mkdir()
    (settings / "jupyter_server_config.py").write_text(code)


def test_two_tabs_on_a_slow_disk_ask_nothing_and_lose_nothing(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    """Each page saves every five seconds, and each finds the file as it has not left it."""
    configure(tmp_path, SLOW.format(seconds=2))
    with opened(browser, pair, "promote", tmp_path, reason="two tabs") as desk:
        with desk.another_tab() as stale:  # it hears nothing of the run
            desk.run_all()
            expect(desk.box).to_be_visible()
            for _ in range(3):
                for tab in (stale, desk):
                    tab.cell("It replaces the defaults above").locator(".cm-content").click()
                    tab.page.keyboard.type(" ")  # else it has nothing to save
                desk.page.wait_for_timeout(5000)  # one of them saves, and then the other one
                expect(desk.dialogs).to_have_count(0)
                expect(stale.dialogs).to_have_count(0)
            desk.save()
            stale.save()
            expect(stale.dialogs).to_have_count(0)
            assert "image/png" in outputs(desk.record), "what one tab has heard is kept"
        expect(desk.box).to_be_visible()
        desk.answer("")
        expect(desk.gate).to_contain_text("This was a rehearsal")
        desk.save()
    told = outputs(desk.record)
    assert "This was a rehearsal" in told and "image/png" in told and LOST not in told
    verified(pair)


def test_a_disk_that_takes_nothing_puts_no_dialog_before_the_gate(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    configure(tmp_path, FULL)
    with opened(browser, pair, "promote", tmp_path, reason="a full disk") as desk:
        desk.run_all()
        expect(desk.box).to_be_visible()
        desk.save()
        desk.page.wait_for_timeout(6000)  # and once more by itself
        expect(desk.dialogs).to_have_count(0)
        desk.answer("")
        expect(desk.gate).to_contain_text("This was a rehearsal")
    (log,) = tmp_path.glob("pgha-jupyterlab-*.log")
    assert "is not saved, and goes on by its journal" in log.read_text()
    assert LOST in outputs(desk.record) and "the gate asked for" in outputs(desk.record)
    verified(pair)
