"""A promotion and what restores from an archive."""

from __future__ import annotations

import shutil

import pytest

from pgha_helpers.changes.deeds import standby, stopping
from pgha_helpers.changes.deeds.promoting import wake_startup
from pgha_helpers.model.errors import Aborted, NotSafe

from ..embedded import Lab
from .changed_files import against, with_lines
from .nights import Night, once_before
from .runs import carry_out, running
from .servers import ask


def test_no_promotion_waits_for_an_archive_that_has_nothing_more(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `sleep 4; false` it took 20 s, named nowhere before. What is set aside is set back,
    whoever dies.
    """
    pair, command = night.pair, "sleep 1; false # %f %p 100%%"

    def commands() -> list[str]:
        return [ask(pair, node, "show restore_command")[0][0] for node in pair.nodes]

    ask(pair, night.target, f"alter system set restore_command = '{command}'")
    with with_lines(pair, night.old, f"restore_command = '{command}'"):
        for node in pair.nodes:
            ask(pair, node, "select pg_reload_conf()")
        words = f"restore_command on {night.target} takes 1"
        assert [level for reason, level in against(pair).items() if reason.startswith(words)] == [
            "warning"
        ]

        def end(*_: object) -> None:
            raise SystemExit(1)  # nobody takes it back, as if it had been killed

        once_before(monkeypatch, standby, "arm", end)
        with pytest.raises(SystemExit):
            night.switch_over()
        assert commands() == ["", ""] and any(
            "for now, since run" in reason for reason in against(pair)
        )
        monkeypatch.setattr(stopping, "glance", lambda *_: None)
        with pytest.raises(Aborted):  # a run that is taken back sets back what another one had left
            night.switch_over(timeouts={"shutdown": "1s"})
        monkeypatch.undo()
        assert commands() == [command] * 2
        night.switch_over()
        (promoted,) = [
            e for e in night.story.events if e["event"] == "deed ended" and e["did"] == "promote"
        ]
        assert promoted["seconds"] < 3 and commands() == [command] * 2
        auto = [
            (pair.node(node).data_directory / "postgresql.auto.conf").read_text()
            for node in pair.nodes
        ]
        assert sorted("restore_command" in text for text in auto) == [False, True], (
            "each stands where it stood"
        )
    for node in pair.nodes:
        ask(pair, node, "alter system reset restore_command")
        ask(pair, node, "select pg_reload_conf()")


def test_a_restore_command_that_cannot_be_run_is_refused(night: Night) -> None:
    """PostgreSQL ends itself then: a standby that was promoted went down, and nobody took
    writes.
    """
    for node in night.pair.nodes:
        ask(night.pair, node, "alter system set restore_command = '/nowhere/archive-get %f %p'")
        ask(night.pair, node, "select pg_reload_conf()")
    words = (
        "restore_command cannot be run: on db0 it ends with status 127; on db1 it ends with "
        "status 127"
    )
    assert against(night.pair)[words] == "critical"
    with pytest.raises(NotSafe, match="cannot be run"):
        night.switch_over()
    for node in night.pair.nodes:
        ask(night.pair, node, "alter system reset restore_command")
        ask(night.pair, node, "select pg_reload_conf()")


def test_a_failover_does_not_wait_for_an_archive_once_all_is_salvaged(own_pair: Lab) -> None:
    """It waits for one call, which was under way."""
    ask(own_pair, "db1", "alter system set restore_command = 'sleep 2; false'")
    ask(own_pair, "db1", "select pg_reload_conf()")
    own_pair.kill("db0")
    deeds = carry_out(own_pair, "promote", "promote db1", occasion="failover")
    waited = {deed.did: deed.seconds for deed in deeds}
    assert (
        waited["promote"] < 2 and waited["promote"] + waited["let its restore_command end"] < 8
    ), "five would be ten"
    assert ask(own_pair, "db1", "show restore_command") == [("sleep 2; false",)]


def test_whoever_wakes_the_startup_process_leaves_its_restore_command_alone(
    own_pair: Lab,
) -> None:
    """A child has its parent's title until it is another program: this one keeps it. Ended by a
    signal it takes the server along (seen on 9.0.0, in the middle of a promotion).
    """
    program = own_pair.node("db1").home / "postgres"
    shutil.copy("/bin/sleep", program)
    titled = f'exec -a "postgres: startup recovering" {program} 0.3'
    command = f"bash -c '{titled}; false'".replace("'", "''")
    ask(own_pair, "db1", f"alter system set restore_command = '{command}'")
    ask(own_pair, "db1", "select pg_reload_conf()")
    own_pair.kill("db0")  # whoever receives nothing asks the archive
    with running(own_pair, "verify") as run:
        for _ in range(20):
            wake_startup(run.doors["db1"])
    assert ask(own_pair, "db1", "select pg_is_in_recovery()") == [(True,)]
    assert own_pair.processes("db1")
