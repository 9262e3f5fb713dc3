"""What all tests share: system packages that are installed in CI and named elsewhere, and labs."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from . import embedded as lab
from .embedded import state

collect_ignore = ["trials"]  # repetitions: `make trials`
_TESTS = Path(__file__).parent
#: The files that take longest, longest first: of one that begins last, all but one of the processes
#: that share the tests wait for the end.
LONGEST = (
    "lab/test_every_major.py",
    "lab/test_bad_nights.py",
    "lab/test_faults.py",
    "lab/test_airflow.py",
    "lab/test_killed.py",
    "lab/test_notices.py",
    "lab/test_cycle.py",
    "lab/test_clone.py",
    "lab/test_events.py",
    "debian/test_guide.py",
    "browser/test_lost_pages.py",
    "browser/test_promote.py",
    "browser/test_bad_disks.py",
    "browser/test_notices.py",
    "lab/test_networks.py",
)
# Under nohup, or in the background of a script, these are ignored, and every program that a test
# starts would rightly ignore them, too.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """In the order of collection, not in xdist's own: that begins with the files of most tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then what starts servers, then what needs none."""
    turns = {_TESTS / name: turn for turn, name in enumerate(LONGEST)}
    assert all(path.exists() for path in turns), "LONGEST names a file that is not there"
    servers = [_TESTS / name for name in ("browser", "debian", "lab", "wire")]

    def turn(item: pytest.Item) -> int:
        return turns.get(item.path, len(turns) + (item.path.parent not in servers))

    items.sort(key=turn)


@pytest.fixture(scope="session")
def need() -> Callable[..., None]:
    """`need("sshd", "openssh-server")`: a program, and the Debian package that has it.

    In CI (root, apt-get) a missing package is installed and nothing is ever skipped; elsewhere the
    test is skipped and says what is missing.
    """

    def have(program: str, package: str) -> None:
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        if shutil.which(program, path=path):
            return
        if os.environ.get("CI") != "true":
            pytest.skip(f"needs {program}: apt-get install {package}")
        with Path(tempfile.gettempdir(), "pgha-need.lock").open("w") as lock:
            # apt-get refuses to run twice at a time, and tests run side by side
            fcntl.flock(lock, fcntl.LOCK_EX)
            quiet = {
                "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                "capture_output": True,
            }
            subprocess.run(["apt-get", "update"], **quiet)
            subprocess.run(
                ["apt-get", "install", "-y", "--no-install-recommends", package],
                check=True,
                **quiet,
            )

    return have


@pytest.fixture(scope="session", autouse=True)
def ports_of_its_own(monkeypatch_session: pytest.MonkeyPatch) -> None:
    """Each of the processes that share the tests takes other ports for its labs.

    A pair that is kept between tests is stopped meanwhile and comes back to its ports: another
    process once had one of them by then, and 13 tests failed.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    each = len(state._PORTS) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    monkeypatch_session.setattr(state, "_PORTS", state._PORTS[number * each : (number + 1) * each])


@pytest.fixture(scope="session")
def monkeypatch_session() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


#: Those of another version, by hand.
PROGRAMS = Path(os.environ["PGHA_PROGRAMS"]) if "PGHA_PROGRAMS" in os.environ else None


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Lab]:
    """Two initialised clusters that are not a pair yet."""
    folder = tmp_path_factory.mktemp("lab")
    try:
        yield lab.up(folder, programs=PROGRAMS)
    finally:
        lab.down(folder, remove=True)


def finish(run: subprocess.Popen[str], within: float = 60) -> tuple[str, str]:
    """What a program said until its end. One that does not end is ended, with all that it has
    started, and fails.
    """
    try:
        return run.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        for process in [*psutil.Process(run.pid).children(recursive=True), psutil.Process(run.pid)]:
            process.kill()
        out, err = run.communicate()
        raise AssertionError(
            f"it did not end within {within:g} s; it said: {out[-2000:]}{err[-2000:]}"
        ) from None


def pgha(
    *words: str, cwd: Path | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the pgha command as a user would."""
    import sys

    command = [sys.executable, "-m", "pgha_helpers", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=cwd)
