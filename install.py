"""What `make` installs, into the virtual environment whose Python runs this: pip, told as it goes.

pip alone either says nothing for a minute or two, or three hundred lines; and without a network it
tries again for a quarter of a minute, and then says that the trouble is likely not with pip.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

_BUILDS = "setuptools>=77"  # as pyproject.toml has it
_OPTIONS = ("--disable-pip-version-check", "--progress-bar=off")
_EACH = 10.0  # seconds between two lines where there is no terminal
_NO_INDEX = """
pip reaches no package index: {why}.
This needs a network once. Behind a proxy, or with an index of your own, tell pip of it:
HTTPS_PROXY, PIP_INDEX_URL.
On a machine that never has one: docs/first-pair.md, section 1, "Without a network".
"""


@dataclass
class Pip:
    """What pip has said so far."""

    lines: list[str] = field(default_factory=list)
    found: int = 0
    wanted: int = 0  # packages to be installed; 0 while they are still looked for
    last: str = ""
    refused: str = ""  # why its index cannot be reached, before anything was found there
    retries: int = 0

    def hear(self, line: str) -> None:
        """Take in one line of its output."""
        self.lines.append(line)
        words = line.split()
        if line.startswith("Collecting"):
            self.found, self.last = self.found + 1, words[1]
        elif line.strip().startswith("Downloading"):
            self.last = " ".join([*words[1].split("-")[:2], *words[2:]])  # no tags of platforms
        elif line.startswith("Installing collected packages:"):
            self.wanted = line.count(",") + 1
        elif "Retrying (Retry(" in line:
            self.retries += 1
            if self.retries > 1 and not self.found:
                self.refused = _reason(line)

    def state(self, installed: int) -> str:
        """How far it is, in a line. `installed` packages were put there since it began."""
        if self.wanted:
            return f"{min(installed, self.wanted)} of {self.wanted} packages installed"
        return f"{self.found} packages found, now {self.last}" if self.found else "pip begins"


def main(extras: str) -> int:
    """Install the checkout as it stands, with these extras. Returns the exit status."""
    print(f"Installing .[{extras}] into {sys.prefix}: a minute or two.", flush=True)
    began = time.monotonic()
    # pip hides what it says while it makes a place to build in, so that is made here
    for words in ([_BUILDS], ["--no-build-isolation", "-e", f".[{extras}]"]):
        if status := _run(words, began):
            return status
    print(f"  Installed in {time.monotonic() - began:.0f} s.", flush=True)
    return 0


def _run(words: list[str], began: float) -> int:
    pip, before = Pip(), _there()
    process = subprocess.Popen(
        [sys.executable, "-m", "pip", "install", *_OPTIONS, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    reader = threading.Thread(target=_listen, args=(process, pip), daemon=True)
    reader.start()
    _tell(process, pip, began, before)
    reader.join()
    status = min(abs(process.wait()), 1)
    if pip.refused:
        print(_NO_INDEX.format(why=pip.refused), file=sys.stderr)
    elif status:
        print(*pip.lines[-20:], sep="\n", file=sys.stderr)
        print("\npip failed; its last lines are above.", file=sys.stderr)
    return status


def _listen(process: subprocess.Popen[str], pip: Pip) -> None:
    for line in process.stdout or ():
        pip.hear(line.rstrip())
        if pip.refused:
            process.terminate()


def _tell(process: subprocess.Popen[str], pip: Pip, began: float, before: int) -> None:
    """Until pip's end: a line that is written anew each second, or one now and then."""
    shown = time.monotonic()
    while process.poll() is None:
        time.sleep(0.2)
        now = time.monotonic()
        if now - shown < (1.0 if sys.stdout.isatty() else _EACH):
            continue
        shown = now
        line = f"  {pip.state(_there() - before)} ({now - began:.0f} s)"
        print(f"\r{line[:78]}\033[K" if sys.stdout.isatty() else line, end="", flush=True)
        print("" if sys.stdout.isatty() else "\n", end="", flush=True)
    print("\r\033[K" if sys.stdout.isatty() else "", end="", flush=True)


def _there() -> int:
    """How many packages this environment has."""
    return sum(1 for _ in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))


def _reason(line: str) -> str:
    """Why a connection failed, from pip's line about a retry.

    >>> _reason("… broken by 'NewConnectionError(<x>: [Errno -2] Name or service not known')': /s/")
    'Name or service not known'
    """
    found = re.search(r"\[Errno -?\d+\] ([^'\")]+)", line) or re.search(r"broken by '(\w+)", line)
    return found[1] if found else line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
