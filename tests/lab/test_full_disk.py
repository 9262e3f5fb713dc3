"""The disk of the records is full: before the first change nothing begins, in the middle nothing
stays half done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from pgha_helpers.model.errors import Refusal
from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.run.journal import read

from ..conftest import finish, pgha
from ..embedded import Lab, Load
from .background import wait_for_event
from .checkouts import environment_of
from .runs import carry_out, changed_pair, to_promote
from .servers import Watch, standby_of, writable


@pytest.fixture
def small(tmp_path: Path, need: Callable[..., None]) -> Iterator[Path]:
    """A disk of 2 MB for records, mounted for one test."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small tmpfs")
    need("mount", "mount")
    (disk := tmp_path / "disk").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_full_disk_lets_no_change_begin(pair: Lab, small: Path, tmp_path: Path) -> None:
    here = writable(pair)
    path = changed_pair(pair, tmp_path, records=str(small / "records"))
    (small / "records").mkdir()
    filler = fill(small)
    done = pgha("run", "promote", str(path), "-p", f"confirm={to_promote(standby_of(pair))}")
    assert done.returncode in (4, 64) and writable(pair) == here
    assert "Traceback" not in done.stderr and "No space left" in done.stdout + done.stderr
    filler.unlink()


def test_a_change_needs_room_for_its_whole_journal(pair: Lab, small: Path, tmp_path: Path) -> None:
    """For its first lines there is room."""
    here, path = writable(pair), changed_pair(pair, tmp_path, records=str(small / "records"))
    filler = fill(small)
    os.truncate(filler, filler.stat().st_size - 600_000)
    with pytest.raises(
        Refusal, match="the journal would not have room to be written to its end: No space left"
    ):
        carry_out(path, "promote", to_promote(standby_of(pair)))
    (folder,) = record_folders(small / "records")
    assert writable(pair) == here and not read(folder).changed and not read(folder).broken


def test_a_disk_that_fills_in_the_middle_stops_no_hand_over(
    pair: Lab, small: Path, tmp_path: Path
) -> None:
    path = changed_pair(pair, tmp_path, records=str(small / "records"))
    (small / "records").mkdir()
    target = standby_of(pair)
    with Watch(pair) as watch, Load(pair.dsn, clients=2, think=0.01) as load:
        command = [
            sys.executable,
            "-m",
            "pgha_helpers",
            "run",
            "promote",
            str(path),
            "-p",
            f"confirm={to_promote(target)}",
        ]
        with Popen(
            command, stdout=PIPE, stderr=PIPE, text=True, env=environment_of(Path.cwd())
        ) as run:
            wait_for_event(small / "records", "deed begun")
            filler = fill(small)
            out, err = finish(run, 120)
    assert writable(pair) == [target] and watch.overlaps == 0 and load.missing(pair.dsn) == []
    assert "start the server" in out and "Traceback" not in err, (
        "and the other node came back as a standby"
    )
    assert "done. Exit code 0" in out and run.returncode == 0, out + err
    assert err.count("THE NOTEBOOK CANNOT BE SAVED") == 1, out + err
    (folder,) = record_folders(small / "records")
    assert (
        not read(folder).broken and " promote   done " in pgha("records", "list", str(path)).stdout
    )
    filler.unlink()
    assert pgha("records", "list", str(path)).returncode == 0
    assert (folder / "manifest.json").exists(), "with room again, the record is completed"
    assert pgha("run", "verify", str(path), "-p", "light=true").returncode == 0
