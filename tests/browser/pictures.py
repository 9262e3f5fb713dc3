"""The pictures in docs/, made anew from the real thing by `make pictures`, or some of them by
`python -m tests.browser.pictures [promote|switchover|records]...`.

They are not made by the tests: pictures change with every version of a browser, and only a person
can say that they are good. Look at what you have made before you commit it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from pgha_helpers.facts.pictures import phone_name
from pgha_helpers.run.checkout import CHECKOUT

from .. import embedded as lab
from ..conftest import pgha
from ..lab.servers import standby_of
from .desk import chromium, opened


def switchover(_: BrowserContext, pair: lab.Lab, __: Path, target: Path) -> None:
    """The lag of a planned move, through which a client writes: as its record has it."""
    with lab.Load(pair.dsn):
        time.sleep(2.0)  # until it writes as fast as it can
        told = _run(pair, *_move(pair, "kernel update on db0", 3))
    record = Path(told.rpartition("Record: ")[2].strip())
    for name in (target.name, phone_name(target.name)):
        shutil.copyfile(record / name.replace(target.stem, "lag"), target.with_name(name))


def promote(browser: BrowserContext, pair: lab.Lab, folder: Path, target: Path) -> None:
    """A planned move, waiting for its consent, while a client writes."""
    with (
        lab.Load(pair.dsn),
        opened(browser, pair, "promote", folder, reason="kernel update on db0") as desk,
    ):
        desk.page.keyboard.press("Control+b")  # without the side bar, which has nothing to tell
        desk.run_all()
        expect(desk.box).to_be_visible()
        desk.box.fill(f"promote {standby_of(pair)}")
        desk.gate.evaluate("cell => cell.scrollIntoView({block: 'end'})")
        desk.page.mouse.move(0, 0)
        desk.page.screenshot(path=target)
        desk.answer("")  # it stays a rehearsal
        expect(desk.gate).to_contain_text("nothing was changed")


def records(browser: BrowserContext, pair: lab.Lab, folder: Path, target: Path) -> None:
    """The page of all records, after a few runs."""
    _run(pair, "verify", "-p", "reason=before the kernel update")
    words = "reason=rehearsal of the kernel update", "ticket=OPS-712"
    _run(pair, "promote", *(word for one in words for word in ("-p", one)))
    for number, node in enumerate(("db1", "db0"), 4):
        _run(pair, *_move(pair, f"kernel update on {node}", number))
    _run(pair, "verify", "-p", "reason=after the kernel update")
    index = pgha("records", "page", str(pair.pair_file)).stdout.splitlines()[-1]
    with browser.new_page() as page:
        page.goto(Path(index).as_uri())
        expect(page.locator("#count")).to_be_visible()
        page.screenshot(path=target, full_page=True)


def _run(pair: lab.Lab, notebook: str, *words: str) -> str:
    """What a notebook says that ends well."""
    done = pgha("run", notebook, str(pair.pair_file), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _move(pair: lab.Lab, reason: str, number: int) -> tuple[str, ...]:
    """The words of a promotion of the standby, which may be the way back of the one before it."""
    target = standby_of(pair)
    consent = f"promote {target}, back again" if number > 3 else f"promote {target}"
    words = f"confirm={consent}", f"reason={reason}", f"ticket=OPS-71{number}"
    return ("promote", *(word for one in words for word in ("-p", one)))


PICTURES: dict[str, tuple[Callable[[BrowserContext, lab.Lab, Path, Path], None], str]] = {
    "promote": (promote, "promote-in-jupyterlab.png"),
    "switchover": (switchover, "switchover.svg"),
    "records": (records, "records-page.png"),
}


def main(wanted: list[str]) -> None:
    """Make these pictures in docs/, or all of them, on a pair of their own."""
    with (
        tempfile.TemporaryDirectory(prefix="pgha-pictures-") as folder,
        chromium(str(shutil.which("chromium"))) as browser,
    ):
        home = Path(folder) / "lab"
        try:
            pair = lab.up(home)
            _run(pair, "setup", "-p", "primary=db0", "-p", "confirm=setup db1")
            for name in wanted or PICTURES:
                make, file = PICTURES[name]
                make(browser, pair, Path(folder), CHECKOUT / "docs" / file)
                print(CHECKOUT / "docs" / file)
        finally:
            lab.down(home, remove=True)


if __name__ == "__main__":
    main(sys.argv[1:])
