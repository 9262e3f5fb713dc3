"""A swap may die after any command and be run again: no directory ever shows a link to what is not
its own.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from pgha_helpers.changes.deeds import swapping

RUN, WHEN, VERSION = "00c0ffee", "20261123T030000Z", "PG_18_1"
#: Every command that changes something dies once it has been done often enough, before or after it
#: did its work.
_DEATHS = """
count=0
die() { count=$((count + 1)); if [ "$count" -gt "$DEATH" ]; then exit 99; fi; }
for name in mv ln rm mkdir rmdir; do
  eval "$name() { die; command $name \\"\\$@\\" || exit 98; }"
done
sync() { :; }
"""


def cluster(data: Path, word: str, spaces: dict[str, Path], wal: Path | None) -> None:
    """What a data directory consists of here: its name, and the same name in everything that it
    links to.
    """
    (data / "pg_tblspc").mkdir(parents=True)
    (data / "PG_VERSION").write_text(word)
    for oid, place in spaces.items():
        (place / VERSION).mkdir(parents=True)
        (place / VERSION / "file").write_text(word)
        (data / "pg_tblspc" / oid).symlink_to(place)
    if wal:
        wal.mkdir(parents=True)
        (wal / "file").write_text(word)
        (data / "pg_wal").symlink_to(wal)
    else:
        (data / "pg_wal").mkdir()
        (data / "pg_wal" / "file").write_text(word)


def made(home: Path, with_old: bool) -> Path:
    """An old data directory with two tablespaces and WAL elsewhere, and a copy of three tablespaces
    beside it.
    """
    data, wal = home / "da ta", home / "w al"
    places = {"1": home / "x/$ts 1", "2": home / "y/ts2", "3": home / "y/new"}
    if with_old:
        (home / "real").mkdir(parents=True)
        (home / "x").mkdir()
        (home / "x/$ts 1").symlink_to(home / "real")  # a place that is a symbolic link itself
        cluster(data, "old", {"8": places["1"], "2": places["2"]}, wal)
        (home / "real/PG_15_1").mkdir()  # another cluster's, which is left alone
    fresh = {oid: place / f"{VERSION}.clone-{RUN}" for oid, place in places.items()}
    cluster(home / f"da ta.clone-{RUN}", "new", fresh, home / f"w al.clone-{RUN}")
    return data


def swap(data: Path, death: int, how: str = _DEATHS) -> subprocess.CompletedProcess[str]:
    text = (
        f"DEATH={death}\n{how}\nset -- {shlex.join([str(data), RUN, WHEN])}\n{swapping._script()}"
    )
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True)


def all_of(home: Path) -> dict[str, str]:
    """Every path with what it holds, or leads to."""
    found = {}
    for path in sorted(home.rglob("*")):
        content = ""
        if path.is_symlink():
            content = f"-> {path.readlink()}"
        elif path.is_file():
            content = path.read_text()
        found[str(path)] = content
    return found


def look_for_strangers(data: Path) -> None:
    """A data directory in its place is whole, and no directory's links lead to what is not its
    own.
    """
    for directory in data.parent.glob("da ta*"):
        if not (directory / "PG_VERSION").is_file():
            continue
        word = (directory / "PG_VERSION").read_text()
        links = [*(directory / "pg_tblspc").iterdir(), directory / "pg_wal"]
        files = [
            file
            for link in links
            for file in (link / "file", link / VERSION / "file")
            if file.is_file()
        ]
        assert {file.read_text() for file in files} <= {word}, directory
        if directory == data:
            assert len(files) == len(links), f"{data} could be started, and lacks something"


@pytest.mark.parametrize("with_old", [True, False])
def test_a_swap_that_dies_anywhere_is_gone_on_with(tmp_path: Path, with_old: bool) -> None:
    for death in range(100):
        data = made(tmp_path / str(death), with_old)
        first = swap(data, death)
        look_for_strangers(data)
        again = swap(data, 999) if first.returncode else first
        assert again.returncode == 0, f"death {death}: {first.stderr}{again.stderr}"
        look_for_strangers(data)
        assert (data / "PG_VERSION").read_text() == "new"
        kept = again.stdout.splitlines()
        home = data.parent
        beside = ["da ta", "real", "y/ts2", "w al"] if with_old else []
        assert sorted(kept) == sorted(f"{home}/{name}.aside-{WHEN}-{RUN}" for name in beside)
        left = {path.name for path in home.rglob("*") if RUN in path.name}
        assert left == {Path(path).name for path in kept}, f"death {death}"
        if with_old:
            assert (home / f"real.aside-{WHEN}-{RUN}" / VERSION / "file").read_text() == "old"
            assert (home / "real/PG_15_1").is_dir()
        if first.returncode == 0:
            assert death > 10
            return
    raise AssertionError("it never came to its end")


def test_a_swap_that_fails_anywhere_is_undone(tmp_path: Path) -> None:
    """Each of its commands fails once: no way that was open is closed, and the same words go
    through afterwards.
    """
    fails = (
        _DEATHS.replace("exit 99; fi", "return 1; fi")
        .replace("-gt", "-eq")
        .replace("die; command", "die && command")
    )
    for failure in range(1, 100):
        data = made(tmp_path / str(failure), with_old=True)
        before = all_of(data.parent)
        first = swap(data, failure, fails)
        if first.returncode == 0:
            assert failure > 10
            return
        assert all_of(data.parent) == before, f"failure {failure}: {first.stderr}"
        assert swap(data, 999).returncode == 0
        assert (data / "PG_VERSION").read_text() == "new"
    raise AssertionError("it never came to its end")


def test_a_tablespace_that_is_not_the_old_directorys_is_left_alone(tmp_path: Path) -> None:
    data = made(tmp_path, with_old=True)
    (data / "pg_tblspc" / "2").unlink()
    done = swap(data, 999)
    assert done.returncode != 0 and "is no tablespace of the old directory" in done.stderr
    assert (tmp_path / "y/ts2" / VERSION / "file").read_text() == "old"


def test_two_that_could_be_the_old_directory_are_both_left_alone(tmp_path: Path) -> None:
    data = made(tmp_path, with_old=True)
    swap(data, 2)
    data.mkdir()
    done = swap(data, 999)
    assert done.returncode != 0 and "rename the one that is not wanted" in done.stderr
    assert (tmp_path / f"da ta.aside-{WHEN}-{RUN}" / "PG_VERSION").read_text() == "old"
