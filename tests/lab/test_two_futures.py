"""What was the primary becomes a standby, with its own configuration: it is looked at before it
stops.

Each was seen to go wrong on real servers when gates asked only what runs.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from functools import partial
from importlib.resources import files as resources
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pgha_helpers.changes.deeds import servers
from pgha_helpers.changes.deeds.files import write_file
from pgha_helpers.model.errors import NotAchieved, NotSafe
from pgha_helpers.model.foreign import Told
from pgha_helpers.run.run import Run

from ..embedded import Lab
from .changed_files import against, move_with_a_canary, with_lines
from .nights import Night, once_before
from .runs import carry_out, running
from .scratch import scratch
from .servers import ask, stop_cleanly, writable
from .troubles import carry_on, wait_until_attached


def test_what_a_standby_needs_is_raised_on_the_old_primary_before_it_stops(night: Night) -> None:
    """Its replay stopped for ever ("insufficient parameter settings"), and rows were called lost
    that were not.
    """
    ask(night.pair, night.target, "alter system set max_connections = 130")
    carry_on(night, night.target)
    ask(night.pair, night.old, "alter system set hot_standby = off")  # means nothing to a primary
    wait_until_attached(night)
    done = move_with_a_canary(night.pair, night.target)
    assert any(
        "with what" in did and "max_connections = 130, hot_standby = on" in did for did in done
    )
    assert writable(night.pair) == [night.target]
    settings = (
        "select current_setting('max_connections'), current_setting('hot_standby'), "
        "pg_is_wal_replay_paused()"
    )
    assert ask(night.pair, night.old, settings) == [("130", "on", False)]


def test_a_typo_that_waits_is_told_and_nothing_is_stopped(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setup stopped the only primary with it, and an abort could not have opened the old one
    again.
    """
    with with_lines(night.pair, night.old, "shared_buffers = 12XB"):
        (told,) = [reason for reason, level in against(night.pair).items() if level == "critical"]
        assert told.startswith(
            f'{night.old}: invalid value for parameter "shared_buffers": "12XB" (Valid units'
        )
        assert "postgresql.conf line" in told
        with pytest.raises(NotSafe, match="shared_buffers"):
            night.switch_over()
        assert not night.told("deed begun")
    with with_lines(night.pair, night.target, "shared_preload_libraries = 'nix'"):
        assert (
            against(night.pair)[
                f'{night.target}: could not access file "nix": No such file or directory'
            ]
            == "critical"
        )
    with contextlib.ExitStack() as later:  # somebody saves the file between the gate and the stop
        line = with_lines(night.pair, night.old, "port = 70000")
        once_before(monkeypatch, servers, "prove_start", lambda: later.enter_context(line))
        with pytest.raises(NotAchieved, match=f"{night.old} would not start again"):
            night.switch_over()
    assert (
        writable(night.pair) == [night.old]
        and "was not stopped" in night.told("deed failed")["error"]
    )


def test_what_a_restart_would_change_is_told(night: Night) -> None:
    """Options of a command line, a port that waits: it came back where nobody looked for it."""
    node = night.pair.node(night.old)
    stop_cleanly(night.pair, night.old)
    with running(night.pair, "verify") as run:
        command = (
            str(node.bin_directory / "pg_ctl"),
            "start",
            "-w",
            "-s",
            "-D",
            str(node.data_directory),
        )
        run.doors[night.old].run(
            "cp", f"{node.data_directory}/postgresql.conf", f"{node.home}/by_hand.conf"
        )
        given = (
            f"-c max_files_per_process=900 -c work_mem=7MB -c config_file={node.home}/by_hand.conf"
        )
        options = ("-l", f"{node.home}/state/by_hand.log", "-o", given)
        run.doors[night.old].run(*command, *options)
    wait_until_attached(night)
    told = against(night.pair)
    words = "with what its service does not give: max_files_per_process is 900, and would be 1000"
    assert [level for reason, level in told.items() if words in reason] == ["critical"]
    assert "work_mem is 7168, and would be 4096" in str(told)
    assert (
        f"it runs by {node.home}/by_hand.conf, and would start by "
        f"{node.data_directory}/postgresql.conf"
    ) in str(told)
    carry_on(night, night.old)
    ask(night.pair, night.old, "alter system set port = 1")
    ask(night.pair, night.old, "alter system set shared_buffers = '33MB'")
    ask(night.pair, night.old, "select pg_reload_conf()")
    told = against(night.pair)
    assert told[f"after a restart of {night.old} port is {node.port}, and would be 1"] == "critical"
    assert told[f"port, shared_buffers on {night.old}"] == "warning"
    for name in ("port", "shared_buffers"):
        ask(night.pair, night.old, f"alter system reset {name}")
    # of a restore that was prepared, and has never begun
    restores = node.data_directory / "recovery.signal"
    restores.touch()
    with pytest.raises(NotSafe, match=r"recovery\.signal would let it recover from an archive"):
        night.switch_over()
    restores.unlink()


def test_alter_system_that_is_forbidden_or_in_vain_is_told(night: Night) -> None:
    """It ended with exit code 5 before the window, after a verify and a rehearsal that had found
    nothing.
    """
    auto = night.pair.node(night.old).data_directory / "postgresql.auto.conf"
    with with_lines(night.pair, night.old, "allow_alter_system = off"):
        ask(night.pair, night.old, "select pg_reload_conf()")
        assert f"allow_alter_system is off on {night.old}" in against(night.pair)
        with pytest.raises(NotSafe, match="allow_alter_system"):
            night.switch_over()
    ask(night.pair, night.old, "select pg_reload_conf()")
    kept = auto.rename(auto.with_name("kept"))
    auto.symlink_to("/dev/null")
    assert f"postgresql.auto.conf of {night.old}: it is not a file: /dev/null" in against(
        night.pair
    )
    auto.unlink()
    kept.rename(auto)
    auto.chmod(0o400)
    assert any(
        f"postgresql.auto.conf of {night.old}: nobody may not write it" in reason
        for reason in against(night.pair)
    )
    auto.chmod(0o600)
    # it may still tell the time of the restart before
    night.switch_over(limits={"lag_time": "60s"})


def test_a_node_whose_configuration_is_broken_is_not_touched_by_a_rebuild(night: Night) -> None:
    """Nor is it replaced by a copy that would not start."""
    with (
        with_lines(night.pair, night.target, "shared_buffers = 12XB"),
        pytest.raises(NotSafe, match="whatever is done"),
    ):
        carry_out(night.pair, "rebuild", f"rebuild {night.target}", method="clone")
    really, data = servers.prove_start, night.pair.node(night.target).data_directory

    def in_vain(run: Run, name: str, directory: str = "", **more: Any) -> None:
        run.doors[name].script('echo "shared_buffers = 12XB" >> "$1/postgresql.conf"', directory)
        really(run, name, directory, **more)

    there = data.stat().st_ino
    # it runs on, and streams no more
    ask(night.pair, night.target, "alter system set primary_conninfo = ''")
    ask(night.pair, night.target, "select pg_reload_conf()")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(servers, "prove_start", in_vain)
        with pytest.raises(NotAchieved, match="would not start again: invalid value"):
            carry_out(night.pair, "rebuild", f"rebuild {night.target}", method="clone")
    assert data.stat().st_ino == there and night.pair.processes(night.target)
    carry_out(night.pair, "rebuild", f"rebuild {night.target}")


def test_setup_does_not_restart_what_would_not_come_back(night: Night) -> None:
    """The only primary was stopped, and stayed down."""
    pair, old, typo = night.pair, night.old, "shared_buffers = 12XB"
    ask(pair, old, "alter system set max_replication_slots = 3")  # too few: a setup restarts it
    carry_on(night, old)
    consent = f"setup {night.target}, restart {old}"
    with (
        with_lines(pair, old, typo),
        pytest.raises(NotSafe, match="has to be restarted, and would not start again"),
    ):
        carry_out(pair, "setup", consent)
    with (
        with_lines(pair, old, "hots all all all trust", "pg_hba.conf"),
        pytest.raises(NotSafe, match=r"pg_hba\.conf line"),
    ):
        carry_out(pair, "setup", consent)
    for line, file, words in (
        (typo, "postgresql.conf", "invalid value"),
        ("hots", "pg_hba.conf", r"pg_hba\.conf line"),
    ):
        with contextlib.ExitStack() as later, pytest.MonkeyPatch.context() as patch:
            write = with_lines(pair, old, line, file)
            once_before(patch, servers, "prove_start", partial(later.enter_context, write))
            with pytest.raises(NotAchieved, match=f"{old} would not start again: {words}"):
                carry_out(pair, "setup", consent)
            assert writable(pair) == [old]
    # the run that was stopped had written what it needs, so this makes it whole
    carry_on(night, old)
    with pytest.raises(SystemExit):
        carry_out(pair, "setup", consent)
    assert ask(pair, old, "show max_replication_slots") == [("5",)]


def test_who_would_meet_another_server_after_the_move_is_told(night: Night) -> None:
    """Clients live with the standby's own pg_hba.conf, TLS and defaults; so does the archive."""
    pair, old, target = night.pair, night.old, night.target
    hba = pair.node(old).data_directory / "pg_hba.conf"
    kept = hba.read_text()
    hba.write_text(f"{kept}host shop app 10.0.0.0/8 scram-sha-256\n")
    for name, value in {"archive_mode": "on", "archive_command": "true"}.items():
        ask(pair, old, f"alter system set {name} = '{value}'")
    carry_on(night, old)
    ask(pair, target, "alter system set default_transaction_read_only = on")
    ask(pair, target, "select pg_reload_conf()")
    wait_until_attached(night)
    told = against(pair)
    assert (
        told[f"pg_hba.conf of {target} lacks host shop app 10.0.0.0 255.0.0.0 scram-sha-256"]
        == "warning"
    )
    assert told[f"{old} archives its WAL, and {target} would not"] == "warning"
    assert told[f"default_transaction_read_only is on on {target}"] == "critical"
    hba.write_text(f"{kept}host shop app nonsense/8 nothing\n")
    assert any(
        f"{old}: pg_hba.conf line" in reason
        for reason, level in against(pair).items()
        if level == "critical"
    )
    hba.write_text(kept)
    for name in ("archive_mode", "archive_command"):
        ask(pair, old, f"alter system reset {name}")
    carry_on(night, old)
    ask(pair, target, "alter system reset default_transaction_read_only")
    ask(pair, target, "select pg_reload_conf()")


def test_a_certificate_that_has_ended_is_told(clusters: Lab) -> None:
    """A server starts with it; clients that verify it do not connect."""
    with scratch(clusters, made=False) as (door, data, _):
        write_file(door, f"{data}/server.crt", certificate(datetime(2020, 1, 1)))
        write_file(door, f"{data}/good.crt", certificate(datetime.now() + timedelta(days=9)))
        script = resources("pgha_helpers.facts").joinpath("survey.sh").read_text()
        for file, words in (("server.crt", ("Jan  1 00:00:00 2020 GMT",)), ("good.crt", ())):
            places = (data, door.node.bin_directory, data, "", data, file)
            assert Told(door.script(script, *places).lines).all("expired") == words


def certificate(until: datetime) -> str:
    """One for nobody in particular."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db0")]),
    )
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = (
        made.not_valid_before(datetime(2019, 1, 1))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode()
