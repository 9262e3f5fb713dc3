"""Verify of every pair at once: a process each, one summary, one exit code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .. import embedded as lab
from ..conftest import pgha


@pytest.fixture
def pairs(pair: lab.Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pair that is well, one whose nodes are silent, and one with a typo."""
    (folder := tmp_path / "pairs").mkdir()
    told = pair.pair_file.read_text()
    (folder / "good.yaml").write_text(told)
    (folder / "gone.yaml").write_text(re.sub(r"port: (\d+)", lambda port: _unused(port[1]), told))
    (folder / "typo.yaml").write_text(told.replace("nodes:", "node:", 1))
    monkeypatch.setenv("PGHA_PARAMETERS", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("pgha_helpers.run.finding.PARAMETERS", ())
    return folder


def _unused(port: str) -> str:
    """A port on which nobody listens: each node needs one of its own."""
    return f"port: {int(port) % 1000 + 1}"


@pytest.mark.usefixtures("pairs")
def test_every_pair_is_verified_and_the_worst_is_the_exit_code() -> None:
    done = pgha("run", "verify", "--all", "--jobs", "2", "-p", "light=true")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
    assert rows["good"].startswith("done"), done.stdout
    assert rows["gone"].startswith(("critical", "unknown")), done.stdout
    assert "exit code 64" in rows["typo"] and done.returncode in (2, 64)
    assert re.search(r"^gone:$", done.stdout, re.M), "what is not well is told in full"
    assert not re.search(r"^good:$", done.stdout, re.M)


def test_only_news_is_printed(pair: lab.Lab) -> None:
    """As a notice would be sent: when a verdict differs from that of the run before."""
    words = ("run", "verify", str(pair.pair_file), "-p", "light=true", "--news")
    first = pgha(*words)
    assert (first.returncode, first.stdout) == (0, ""), "the first, and well"
    pair.kill("db1")
    bad = pgha(*words)
    assert bad.returncode == 2 and "db1" in bad.stdout.splitlines()[0], bad.stdout
    again = pgha(*words)
    assert (again.returncode, again.stdout) == (2, ""), "said already"
    lab.up(pair.folder)
    well = pgha(*words)
    assert well.returncode == 0 and "well" in well.stdout.splitlines()[0]
    typo = pgha("run", "verify", str(pair.pair_file), "-p", "lite=true", "--news")
    assert typo.returncode == 64 and "lite" in typo.stdout


def test_a_change_is_made_on_one_pair() -> None:
    done = pgha("run", "promote", "--all")
    assert done.returncode == 64 and "a change is made on one pair" in done.stderr
    done = pgha("run", "verify", "--all", "one")
    assert done.returncode == 64 and "which pair?" in done.stderr
