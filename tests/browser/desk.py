"""JupyterLab as `pgha open` starts it, and its one page, handled as a person does: menus, keys, and
what is to be read.

Every wait is for something that happens, with a deadline that a slow machine meets.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil
from playwright.sync_api import (
    BrowserContext,
    Locator,
    Page,
    TimeoutError,
    ViewportSize,
    WebSocket,
    expect,
    sync_playwright,
)

from ..embedded import Lab

PATIENCE = 90.0  # seconds for anything that a busy machine with two cores may take
_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/lab\S*token=\w+")
_RECORD = re.compile(r"^Record: (.+)$")
SCREEN = ViewportSize(width=1280, height=800)


@contextlib.contextmanager
def chromium(program: str) -> Iterator[BrowserContext]:
    """Debian's browser, which may be root's, and which calls nobody. What it has loaded once it
    need not load again.
    """
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        context = browser.new_context(viewport=SCREEN)
        context.set_default_timeout(PATIENCE * 1000)
        yield context
        browser.close()


class Desk:
    """An open notebook: its page, its record folder, and what there is to do with it.

    `said` is what `pgha open` has said so far, line by line.
    """

    def __init__(self, page: Page, record: Path, said: list[str]) -> None:
        self.page, self.record, self.said = page, record, said
        self._kernel: list[WebSocket] = []  # the newest last: a reloaded page has another one
        page.on(
            "websocket",
            lambda socket: self._kernel.append(socket) if "/channels" in socket.url else None,
        )
        # to leave a page that is not saved is meant
        page.on("dialog", lambda dialog: dialog.accept())

    @contextlib.contextmanager
    def another_tab(self) -> Iterator[Desk]:
        """The same notebook once more, in a tab of its own."""
        with self.page.context.new_page() as page:
            desk = Desk(page, self.record, self.said)
            page.goto(self.page.url)
            desk.loaded()
            yield desk

    @property
    def dialogs(self) -> Locator:
        """Whatever of JupyterLab's covers the page."""
        return self.page.locator(".jp-Dialog")

    @property
    def box(self) -> Locator:
        """The box in which a cell asks."""
        return self.page.locator(".jp-Stdin-input")

    @property
    def gate(self) -> Locator:
        """The cell that asks for consent."""
        return self.cell("gate(run, plan)")

    def cell(self, words: str) -> Locator:
        """The code cell with these words in its text."""
        editor = self.page.locator(".jp-InputArea-editor").filter(has_text=words)
        return self.page.locator(".jp-CodeCell").filter(has=editor)

    def ready(self) -> None:
        """Wait until the kernel is there and has nothing to do."""
        expect(self.page.get_by_text(re.compile(r"\| Idle$"))).to_be_visible()

    def ended(self, words: str) -> None:
        """Wait until the cell with these words has run to its end, well or not."""
        expect(self.cell(words).locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"))

    def answer(self, words: str) -> None:
        """Type into the box in which a cell asks, and wait until this box is gone: the next
        question has its own.
        """
        asked = self.box.element_handle()
        asked.fill(words)
        asked.press("Enter")
        asked.wait_for_element_state("hidden")

    def run_all(self) -> None:
        """Run > Run All Cells."""
        self._run("Run All Cells")

    def run_all_above(self, words: str) -> None:
        """Select the cell with these words, and run what stands above it."""
        self._select(words)
        self._run("Run All Above Selected Cell")

    def run_from(self, words: str) -> None:
        """Select the cell with these words, and run it and what stands below it."""
        self._select(words)
        self._run("Run Selected Cell and All Below")

    def run_cell(self, words: str) -> None:
        """Select the cell with these words, and press Shift+Enter."""
        self._select(words)
        self.page.keyboard.press("Shift+Enter")

    def interrupt(self) -> None:
        """Kernel > Interrupt Kernel."""
        with self._done("POST", "/interrupt"):
            self._choose("Kernel", "Interrupt Kernel")

    def restart(self) -> None:
        """Kernel > Restart Kernel, and yes."""
        with self._done("POST", "/restart"):
            self._choose("Kernel", "Restart Kernel…")
            self.page.get_by_role("dialog").get_by_role(
                "button", name="Confirm Kernel Restart"
            ).click()
        self.ready()

    def reload(self) -> None:
        """Reload the page, without saving, and wait until it has found its kernel again, whatever
        that does.
        """
        self.page.reload()
        self.loaded()

    def loaded(self) -> None:
        """Wait until the page shows its notebook and has found its kernel, whatever that does."""
        expect(self.page.get_by_text(re.compile(r"\| (Idle|Busy|Unknown)$"))).to_be_visible()
        expect(self.gate).to_be_attached()

    def consent_and_leave(self, words: str) -> None:
        """Type into the box in which a cell asks, and wait for nothing."""
        self.box.fill(words)
        self.box.press("Enter")

    def save(self) -> None:
        """File > Save Notebook."""
        with self._done("PUT", "/api/contents/"):
            self._choose("File", "Save Notebook")

    def _run(self, entry: str) -> None:
        """Choose from the menu Run, and again if no cell begins: Lab may drop it while it is still
        opening.
        """
        for _ in range(2):
            with contextlib.suppress(TimeoutError):
                with self._kernel[-1].expect_event(
                    "framereceived", _begins, timeout=PATIENCE * 500
                ):
                    self._choose("Run", entry)
                return
        raise AssertionError(f"{entry}: no cell begins to run")

    def _select(self, words: str) -> None:
        self.cell(words).locator(".jp-InputArea-editor").click()

    def _choose(self, menu: str, entry: str) -> None:
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        # the name of an entry has its keys behind these words
        words = self.page.get_by_text(entry, exact=True)
        self.page.get_by_role("menuitem").filter(has=words).click()

    def _done(self, method: str, where: str) -> Any:
        """A block at whose end the server has answered a request."""
        return self.page.expect_response(
            lambda answer: answer.request.method == method and where in answer.url
        )


def _begins(frame: str | bytes) -> bool:
    """Whether the kernel says that it begins with a cell."""
    return "execute_input" in str(frame)


@contextlib.contextmanager
def opened(
    browser: BrowserContext, pair: Lab, notebook: str, folder: Path, **parameters: str
) -> Iterator[Desk]:
    """`pgha open`, and a page on the notebook, ready to run; at the end Lab is ended as by Ctrl-C.

    `folder` takes Jupyter's settings, so that nobody's own are used, and a picture of what was seen
    if the block fails.
    """
    process, output = _pgha_open(pair, notebook, folder, parameters)
    try:
        address, record = output.find(_ADDRESS), Path(output.find(_RECORD))
        with browser.new_page() as page:
            desk = Desk(page, record, output.lines)
            page.goto(address)
            desk.ready()
            try:
                yield desk
            except BaseException:
                page.screenshot(path=folder / "failed.png")
                print(f"The page, when it failed: {folder / 'failed.png'}")
                raise
        _end(process, signal.SIGINT)
    finally:
        _end(process, signal.SIGTERM)  # this one is not asked back, whatever runs
        print(*output.lines, sep="\n")


def _pgha_open(
    pair: Lab, notebook: str, folder: Path, parameters: dict[str, str]
) -> tuple[subprocess.Popen[str], _Output]:
    command = [
        sys.executable,
        "-m",
        "pgha_helpers",
        "open",
        notebook,
        str(pair.pair_file),
        "--no-browser",
    ]
    for key, value in parameters.items():
        command += ["-p", f"{key}={value}"]
    own = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    }
    own["TMPDIR"] = str(folder)  # JupyterLab's log
    _configure(Path(own["JUPYTER_CONFIG_DIR"]))
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **own, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout
    return process, _Output(process.stdout)


def _configure(folder: Path) -> None:
    """A port that nobody else has, and no question to node.js, at every load, whether Lab should be
    built anew.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    no_build = {"page_config_data": {"buildCheck": False, "buildAvailable": False}}
    folder.mkdir(exist_ok=True)
    told = {"ServerApp": {"port": port, "tornado_settings": no_build}}
    (folder / "jupyter_server_config.json").write_text(json.dumps(told))


def _end(process: subprocess.Popen[str], number: int) -> None:
    """End `pgha open` by a signal, and see that nothing is left of it."""
    if process.poll() is not None:
        return
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    try:
        process.wait(PATIENCE)
    finally:
        left = psutil.wait_procs(family, timeout=10)[1]
        for each in left:
            each.kill()
        if process.poll() is None:
            process.kill()
        assert not left, f"these outlived `pgha open`: {left}"


class _Output:
    """What a process says, line by line, while it says it."""

    def __init__(self, stream: IO[str]) -> None:
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._over = False
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def find(self, pattern: re.Pattern[str]) -> str:
        """The last group, or the whole, of the first match; waits for it. Raises AssertionError if
        none comes.
        """
        with self._news:
            self._news.wait_for(
                lambda: self._over or any(map(pattern.search, self.lines)), PATIENCE
            )
            found = next(filter(None, map(pattern.search, self.lines)), None)
        assert found, f"nothing like {pattern.pattern} was said:\n" + "\n".join(self.lines)
        return found[found.lastindex or 0]
