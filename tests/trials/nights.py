"""The bad nights and the killed runs again and again: a test that passes once may still fail the
tenth time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from pgha_helpers.model.show import Table
from pgha_helpers.run.checkout import CHECKOUT

from .trial import Outcome

_TESTS = [
    CHECKOUT / "tests" / "lab" / f"test_{name}.py"
    for name in ("bad_nights", "lost_primaries", "killed")
]
_LONGEST = 3600.0  # seconds for all of them, once
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::.+?)(?: - .*)?$", re.MULTILINE)


def nights(folder: Path, count: int) -> Outcome:
    """Run the tests of the bad nights so many times, and tell which ever failed."""
    failed: list[str] = []
    for number in range(1, count + 1):
        told = _once(folder / str(number))
        failed += told
        print(f"  {number} of {count}: {', '.join(told) or 'all passed'}", flush=True)
    rows = [
        (name.partition("::")[2], f"{failed.count(name)} of {count}")
        for name in dict.fromkeys(failed)
    ]
    rows = rows or [("all of them", f"0 of {count}")]
    faults = [
        f"{name} failed {failed.count(name)} of {count} times" for name in dict.fromkeys(failed)
    ]
    return Outcome(f"Every bad night, {count} times", Table(("night", "failed"), rows), faults)


def _once(folder: Path) -> list[str]:
    """The names of the tests that failed."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        *map(str, _TESTS),
        "-q",
        "-rfE",
        f"--basetemp={folder}",
    ]
    done = subprocess.run(
        words, cwd=CHECKOUT, env=os.environ, capture_output=True, text=True, timeout=_LONGEST
    )
    failed = _FAILED.findall(done.stdout)
    if done.returncode and not failed:
        raise RuntimeError(
            f"pytest ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return failed
