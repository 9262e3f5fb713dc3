"""The README's pictures, made anew from the real thing: `python -m tests.browser.pictures
[promote|records]...`.

They are not made by the tests: pictures change with every version of a browser, and only a person
can say that they are good. Look at what you have made before you commit it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from pgha_helpers.run.checkout import CHECKOUT

from .. import embedded as lab
from ..conftest import pgha
from ..lab.runs import to_promote
from .desk import chromium, opened
from .seen import standby_of


def promote(browser: BrowserContext, pair: lab.Lab, folder: Path, target: Path) -> None:
    """A planned move, waiting for its consent, while a client writes."""
    with (
        lab.Load(pair.dsn),
        opened(browser, pair, "promote", folder, reason="kernel update on db0") as desk,
    ):
        desk.page.keyboard.press("Control+b")  # without the side bar, which has nothing to tell
        desk.run_all()
        expect(desk.box).to_be_visible()
        desk.box.fill(to_promote(standby_of(pair)))
        desk.gate.evaluate("cell => cell.scrollIntoView({block: 'end'})")
        desk.page.mouse.move(0, 0)
        desk.page.screenshot(path=target)
        desk.answer("")  # it stays a rehearsal
        expect(desk.gate).to_contain_text("nothing was changed")


def records(browser: BrowserContext, pair: lab.Lab, folder: Path, target: Path) -> None:
    """The page of all records, after a few runs."""
    for words in (
        ("verify", "-p", "reason=before the kernel update"),
        ("promote", "-p", "reason=rehearsal of the kernel update", "-p", "ticket=OPS-712"),
        *(
            _move(pair, f"kernel update on {node}", number)
            for number, node in enumerate(("db0", "db1"))
        ),
        ("verify", "-p", "reason=after the kernel update"),
    ):
        done = pgha("run", words[0], str(pair.pair_file), *words[1:])
        assert done.returncode == 0, done.stdout + done.stderr
    index = pgha("records", "page", str(pair.pair_file)).stdout.splitlines()[-1]
    with browser.new_page() as page:
        page.goto(Path(index).as_uri())
        expect(page.locator("#count")).to_be_visible()
        page.screenshot(path=target, full_page=True)


def _move(pair: lab.Lab, reason: str, number: int) -> tuple[str, ...]:
    target = f"db{1 - number}"
    return (
        "promote",
        "-p",
        f"confirm={to_promote(target)}",
        "-p",
        f"reason={reason}",
        "-p",
        f"ticket=OPS-71{3 + number}",
    )


PICTURES: dict[str, tuple[Callable[[BrowserContext, lab.Lab, Path, Path], None], str]] = {
    "promote": (promote, "promote-in-jupyterlab.png"),
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
            done = pgha(
                "run", "setup", str(pair.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1"
            )
            assert done.returncode == 0, done.stdout + done.stderr
            for name in wanted or PICTURES:
                make, file = PICTURES[name]
                make(browser, pair, Path(folder), CHECKOUT / "docs" / file)
                print(CHECKOUT / "docs" / file)
        finally:
            lab.down(home, remove=True)


if __name__ == "__main__":
    main(sys.argv[1:])
