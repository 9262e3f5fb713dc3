"""A stale trigger file promotes whoever is started: on PostgreSQL 11, where recovery.conf names it,
and up to 15.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgha_helpers import gate, look
from pgha_helpers.changes import plan_rebuild
from pgha_helpers.changes.deeds import servers
from pgha_helpers.judgement.checks import AFTER, judge
from pgha_helpers.model.errors import NotAchieved, NotSafe

from ..embedded import Lab
from ..majors import programs_of
from .kept_pairs import KeptPair, kept
from .losers import start
from .runs import carry_out, did, running, to_promote
from .servers import Watch, ask, stop_cleanly, wait_for, wait_for_answer, writable


@pytest.fixture(scope="module")
def kept_pair_11(
    tmp_path_factory: pytest.TempPathFactory, need: Callable[..., None], has_rsync: None
) -> Iterator[KeptPair]:
    with kept(tmp_path_factory.mktemp("kept"), programs_of(11, need), "set up") as made:
        yield made


@pytest.fixture
def pair(kept_pair_11: KeptPair) -> Iterator[Lab]:
    with kept_pair_11.lent() as lab:
        yield lab


def by_the_article(lab: Lab, node: str, more: str = "") -> Path:
    """Write recovery.conf as the article of 2010 does, and leave its trigger file from last time;
    gives that file.
    """
    data, other = (
        lab.node(node).data_directory,
        next(one for one in lab.nodes.values() if one.name != node),
    )
    trigger, passfile = data.parent / "trigger", data.parent / "pgpass"
    source = (
        f"host={other.host} port={other.port} user=replicator passfile={passfile} password=hunter2"
    )
    text = f"standby_mode = 'on'\nprimary_conninfo = '{source}'\ntrigger_file = '{trigger}'\n{more}"
    (data / "recovery.conf").write_text(text)
    trigger.touch()
    return trigger


def test_what_recovery_conf_says_is_judged(pair: Lab) -> None:
    stop_cleanly(pair, "db1")
    trigger = by_the_article(pair, "db1", "recovery_min_apply_delay = '5min'\n")
    trigger.unlink()
    start(pair, "db1")
    with running(pair, "verify") as run:
        now = look(run)
        reasons = " ".join(verdict.reason for verdict in judge(AFTER, now).against)
    assert f"trigger_file is '{trigger}' on db1: that file would promote it" in reasons
    assert "recovery_target_timeline is 'current' on db1, not 'latest'" in reasons
    assert now.standby.replay_delay == 300
    assert not any(
        b"hunter2" in path.read_bytes() for path in run.folder.rglob("*") if path.is_file()
    )
    pair.kill("db0")
    with pytest.raises(NotSafe, match="recovery_min_apply_delay is 5 min") as refused:
        carry_out(pair, "promote", "promote db1", occasion="failover", skip_delay=True)
    assert "take it out of recovery.conf on db1" in refused.value.remedy


def test_a_stale_trigger_file_promotes_nobody(pair: Lab) -> None:
    """db1 comes back, db0 dies, db1 is promoted, db0 comes back: each over a trigger file of an
    earlier failover.
    """
    ask(pair, "db0", "create table t (x int)")
    stop_cleanly(pair, "db1")
    stale = [by_the_article(pair, "db1")]
    with Watch(pair) as watch:
        assert "start the server" in did(carry_out(pair, "rebuild", "rebuild db1"))
        assert writable(pair) == ["db0"]
        ask(pair, "db0", "insert into t values (1)")
        wait_for_answer(pair, "db1", "select x from t", 1, within=30)
        pair.kill("db0")
        stale.append(by_the_article(pair, "db0"))
        carry_out(pair, "promote", "promote db1", occasion="failover")
        carry_out(pair, "rebuild", "rebuild db0")
    assert writable(pair) == ["db1"] and watch.overlaps == 0
    assert ask(pair, "db0", "select x from t") == [(1,)]
    assert all(trigger.exists() for trigger in stale), "a server that reads it removes it"


def test_what_a_definition_says_of_an_archive_stays_there(pair: Lab) -> None:
    """The rest of it is written anew, whenever the node becomes a standby."""
    ask(pair, "db0", "create table t (x int)")
    stop_cleanly(pair, "db1")
    words = "restore_command = 'false %f'\narchive_cleanup_command = 'true it''s %r'\n"
    by_the_article(pair, "db1", words).unlink()
    carry_out(pair, "rebuild", "rebuild db1")
    definition = pair.node("db1").data_directory / "recovery.conf"
    assert words in definition.read_text() and "/trigger" not in definition.read_text()
    for node in ("db1", "db0"):
        carry_out(pair, "promote", to_promote(node))
    assert words in definition.read_text()


def test_a_standby_is_not_started_under_a_trigger_file(pair: Lab) -> None:
    """Its definition is a hand's, and the file is there: started by hand it is writable; we do not
    start it.
    """
    stop_cleanly(pair, "db1")
    with running(pair, "rebuild", confirm="rebuild db1") as run:
        gate(run, plan_rebuild(run, look(run)))
        trigger = by_the_article(pair, "db1")
        with pytest.raises(
            NotAchieved, match=f"the trigger file '{trigger}' of its standby definition exists"
        ):
            servers.start(run, "db1")
        assert not pair.processes("db1")
    start(pair, "db1")
    moved = wait_for(lambda: "db1" in writable(pair), 30)
    assert moved, "the trigger file does nothing: this test proves nothing"


def test_up_to_15_a_setting_names_it(own_pair_15: Lab) -> None:
    stop_cleanly(own_pair_15, "db1")
    data = own_pair_15.node("db1").data_directory
    trigger, auto = data.parent / "trigger", data / "postgresql.auto.conf"
    trigger.touch()
    with running(own_pair_15, "rebuild", confirm="rebuild db1") as run:
        gate(run, plan_rebuild(run, look(run)))
        ours = auto.read_text()
        assert "promote_trigger_file = ''\n" in ours, (
            "what we write overrules what may stand in postgresql.conf"
        )
        auto.write_text(
            ours.replace("promote_trigger_file = ''", f"promote_trigger_file = '{trigger}'")
        )
        with pytest.raises(
            NotAchieved, match=f"the trigger file '{trigger}' of its standby definition exists"
        ):
            servers.start(run, "db1")
        auto.write_text(ours)
        servers.start(run, "db1")
    assert writable(own_pair_15) == ["db0"] and trigger.exists()
