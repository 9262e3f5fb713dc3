"""Files left in a data directory, with which its next start would go wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pgha_helpers import look
from pgha_helpers.changes import plan_rebuild
from pgha_helpers.model.errors import NotSafe

from ..embedded import Lab
from .cycles import against, unanswered
from .dying import Words, at_boundary
from .runs import carry_out, running

#: What an older version's standby has, and what an exclusive backup or a copy by hand has.
STRAYS = {
    "recovery.conf": ("standby_mode = 'on'\n", "keep PostgreSQL 18 from starting"),
    "backup_label": (
        "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n"
        "CHECKPOINT LOCATION: 0/2000060\nBACKUP METHOD: pg_start_backup\nLABEL: nightly\n",
        "have it begin from the backup 'nightly'",
    ),
}


def left(pair: Lab, node: str, name: str) -> Path:
    file = pair.node(node).data_directory / name
    file.write_text(STRAYS[name][0])
    owner = file.parent.stat()
    os.chown(file, owner.st_uid, owner.st_gid)
    return file


@pytest.mark.parametrize("name", STRAYS)
def test_it_is_told_of_a_server_that_runs(pair: Lab, name: str) -> None:
    for node in pair.nodes:
        file = left(pair, node, name)
        try:
            (told,) = against(pair)
            assert f"{node}: {name} would {STRAYS[name][1]}" in told and not unanswered(pair)
        finally:
            file.unlink()
    assert against(pair) == []


@pytest.mark.parametrize("name", STRAYS)
def test_a_node_is_not_started_with_it(own_pair: Lab, name: str) -> None:
    """Seen: the first kept it down after 12 s, with the second it came up never."""
    own_pair.kill("db0")
    carry_out(own_pair, "promote", "promote db1", occasion="failover")
    file = left(own_pair, "db0", name)
    with running(own_pair, "rebuild") as run, pytest.raises(NotSafe) as refused:
        plan_rebuild(run, look(run))
    assert f"db0 would not start as a standby: {name} would {STRAYS[name][1]}" in str(refused.value)
    assert f"mv {name} {name}.old" in str(refused.value)
    file.rename(file.with_name(f"{name}.old"))
    carry_out(own_pair, "rebuild", "rebuild db0")
    assert against(own_pair) == []


@pytest.mark.parametrize("name", STRAYS)
def test_a_copy_leaves_it_behind(own_pair: Lab, name: str) -> None:
    own_pair.kill("db0")
    carry_out(own_pair, "promote", "promote db1", occasion="failover")
    left(own_pair, "db0", name)
    carry_out(own_pair, "rebuild", "rebuild db0", method="clone")
    assert against(own_pair) == []
    assert not (own_pair.node("db0").data_directory / name).exists()


def test_a_copy_that_was_never_started_keeps_its_label(empty: Lab) -> None:
    """A setup that was killed before that start was refused by its rerun, which said to move the
    label away: the copy would have come up without what was written while it was made.
    """
    words = Words("setup", "setup db1", {"primary": "db0"})
    assert at_boundary("db1: start the server")(empty, words) == "before db1: start the server"
    label = empty.node("db1").data_directory / "backup_label"
    assert "BACKUP METHOD: streamed\n" in label.read_text()
    carry_out(empty, "setup", "setup db1", primary="db0")
    assert against(empty) == [] and not label.exists()
