"""The main job: from two clusters to a pair, and its primary moved there and back, by plain
papermill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import read

from .. import embedded as lab
from .runs import to_promote
from .servers import Watch, ask, records, state_of, writable

pytestmark = pytest.mark.usefixtures("pair")


@pytest.fixture(scope="module")
def pair(clusters: lab.Lab) -> Iterator[lab.Lab]:
    yield clusters


def papermill(
    notebook: str, pair: lab.Lab, folder: Path, **parameters: str
) -> subprocess.CompletedProcess[str]:
    """Plain papermill with -f, called from another directory than the checkout."""
    given = folder / f"{notebook}.yaml"
    given.write_text(yaml.safe_dump({"pair": str(pair.pair_file), **parameters}))
    command = [sys.executable, "-m", "papermill", str(CHECKOUT / "notebooks" / f"{notebook}.ipynb")]
    command += [f"{notebook}-out.ipynb", "-f", given.name, "--no-progress-bar"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)


def outputs(folder: Path, notebook: str) -> str:
    return (folder / f"{notebook}-out.ipynb").read_text()


@pytest.mark.parametrize("notebook", ["setup", "promote", "rebuild", "verify"])
def test_two_clusters_are_not_touched_without_consent(
    pair: lab.Lab, tmp_path: Path, notebook: str
) -> None:
    before = state_of(pair)
    more = {"primary": "db0"} if notebook == "setup" else {}
    done = papermill(notebook, pair, tmp_path, **more)
    assert state_of(pair) == before
    if notebook == "setup":
        assert done.returncode == 0 and "This was a rehearsal" in outputs(tmp_path, notebook)
    else:
        assert done.returncode == 1 and "two primaries" in outputs(tmp_path, notebook)


def test_setup_needs_to_be_told_which_cluster_is_kept(pair: lab.Lab, tmp_path: Path) -> None:
    assert papermill("setup", pair, tmp_path).returncode == 1
    assert "primary=db0 or db1" in outputs(tmp_path, "setup")


def test_setup_makes_a_pair_and_keeps_the_other_cluster(pair: lab.Lab, tmp_path: Path) -> None:
    ask(pair, "db1", "create table only_here as select 7 as precious")
    done = papermill("setup", pair, tmp_path, primary="db0", confirm="setup db1")
    assert done.returncode == 0, done.stderr[-2000:]
    assert writable(pair) == ["db0"]
    (aside,) = pair.node("db1").data_directory.parent.glob("data.aside-*")
    assert (aside / "PG_VERSION").is_file(), "the other cluster is renamed aside, never deleted"


def test_setup_again_finds_nothing_to_do(pair: lab.Lab, tmp_path: Path) -> None:
    before = state_of(pair)
    done = papermill("setup", pair, tmp_path, primary="db0", confirm="setup db1")
    assert done.returncode == 0 and "already so" in outputs(tmp_path, "setup")
    assert state_of(pair) == before


@pytest.mark.parametrize("notebook", ["setup", "promote", "rebuild", "verify"])
def test_a_pair_is_not_touched_without_consent(
    pair: lab.Lab, tmp_path: Path, notebook: str
) -> None:
    before = state_of(pair)
    done = papermill(notebook, pair, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert state_of(pair) == before


def test_verify_is_well_and_its_record_is_whole(pair: lab.Lab, tmp_path: Path) -> None:
    done = papermill("verify", pair, tmp_path, reason="a test")
    assert done.returncode == 0, done.stderr[-2000:]
    folder = list(records(pair))[-1]
    told = json.loads((folder / "record.json").read_text())
    assert (told["outcome"], told["notebook"], told["reason"], told["changed"]) == (
        "done",
        "verify",
        "a test",
        False,
    )
    assert {verdict["level"] for verdict in told["verdicts"]} == {"ok"}
    story = read(folder)
    assert story.state == "ended" and not story.broken
    assert {"lag.csv", "lag.svg", "journal.jsonl"} <= {path.name for path in folder.iterdir()}
    assert len((folder / "lag.csv").read_text().splitlines()) > 10
    assert (folder.stat().st_mode & 0o777, (folder / "journal.jsonl").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


@pytest.mark.parametrize(
    ("target", "words"), [("db1", "promote db1"), ("db0", "promote db0, back again")]
)
def test_the_primary_is_moved_under_load_and_nothing_is_lost(
    pair: lab.Lab, tmp_path: Path, target: str, words: str
) -> None:
    with Watch(pair) as watch, lab.Load(pair.dsn) as load:
        done = papermill("promote", pair, tmp_path, confirm=words)
    assert done.returncode == 0, done.stderr[-2000:]
    assert load.acknowledged > 100 and load.missing(pair.dsn) == []
    assert writable(pair) == [target] and watch.overlaps == 0
    told = json.loads((list(records(pair))[-1] / "record.json").read_text())
    assert (
        told["outage_seconds"] > 0
        and told["failover_seconds"] is None
        and told["gate"]["seconds"] >= 0
    )
    assert [told["gate"][key] for key in ("wanted", "passed", "by")] == [
        words,
        True,
        _me(),
    ]
    old = pair.node("db0" if target == "db1" else "db1").name
    assert ask(pair, old, "select count(*) from pg_replication_slots") == [(0,)], (
        "no slot is left to hoard WAL"
    )


def _me() -> str:
    import getpass

    return getpass.getuser()


def test_promoting_the_primary_is_already_so(pair: lab.Lab, tmp_path: Path) -> None:
    before = state_of(pair)
    done = papermill("promote", pair, tmp_path, confirm=to_promote("db0"))
    assert done.returncode == 0 and "already so: db0 is primary" in outputs(tmp_path, "promote")
    assert state_of(pair) == before
