"""Bad input and bad luck: a clear sentence that says what is allowed, and nothing changed."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import HEALTHY, judged, look
from pgha_helpers.facts.replay import held_up
from pgha_helpers.model import Blank, Hung, Running, Silent, Snapshot
from pgha_helpers.model.errors import BadParameters, NotConfirmed, NotSafe, Refusal

from ..conftest import pgha
from ..embedded import Lab
from .runs import carry_out, changed_pair, running
from .servers import ask, send_all, state_of


def seen(pair: Path) -> Snapshot:
    with running(pair, "verify") as run:
        return look(run)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
def hung(pair: Lab) -> Iterator[None]:
    """db0's server stopped with SIGSTOP: it still accepts connections, and never answers."""
    pids = pair.processes("db0")
    send_all(pids, signal.SIGSTOP)
    yield
    send_all(pids, signal.SIGCONT)
    time.sleep(0.2)


def test_a_look_at_a_healthy_pair_is_quick(pair: Lab) -> None:
    """No absolute time is asserted: the snapshot tells its own, and the benchmark judges it."""
    with running(pair, "verify") as run:
        look(run)
        now = look(run)
    assert now.primary.node == "db0" and now.standby.node == "db1" and now.seconds > 0


def test_an_unknown_host_key_is_refused_with_how_to_pin_it(pair: Lab, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.write_text("")
    ssh = {**_ssh(pair, "db1"), "known_hosts": str(empty)}
    now = seen(changed_pair(pair, tmp_path, db1={"ssh": ssh}))
    words = now["db1"].shell_silent if isinstance(now["db1"], Running) else ""
    assert "the host key of 127.0.0.1" in words and "SHA256:" in words
    path = changed_pair(pair, tmp_path, db1={"ssh": ssh})
    with running(path, "verify") as run, pytest.raises(Refusal, match="ssh-keyscan -p"):
        run.doors["db1"].run("true")


def test_a_changed_host_key_is_refused(pair: Lab, tmp_path: Path) -> None:
    lines = Path(_ssh(pair, "db1")["known_hosts"]).read_text().splitlines()
    ports = [str(pair.node(name).ssh_port) for name in ("db0", "db1")]
    keys = {
        port: next(line.split(" ", 1)[1] for line in lines if f":{port} " in line) for port in ports
    }
    swapped = tmp_path / "known_hosts"
    swapped.write_text(f"[127.0.0.1]:{ports[1]} {keys[ports[0]]}\n")
    now = seen(
        changed_pair(
            pair, tmp_path, db1={"ssh": {**_ssh(pair, "db1"), "known_hosts": str(swapped)}}
        )
    )
    assert isinstance(now["db1"], Running) and "has CHANGED" in now["db1"].shell_silent


def test_foreign_lines_of_known_hosts_cost_nothing_and_a_revoked_key_is_refused(
    pair: Lab, tmp_path: Path
) -> None:
    own = Path(_ssh(pair, "db1")["known_hosts"]).read_bytes()
    key = next(
        line for line in own.decode().splitlines() if f":{pair.node('db1').ssh_port} " in line
    ).split(" ", 1)[1]
    pins = tmp_path / "known_hosts"
    pins.write_bytes(
        b"@cert-authority * ssh-ed25519 AAAAC3Nz caf\xe9\n@revoked db9 ssh-rsa AAAA\n" + own
    )
    ssh = {**_ssh(pair, "db1"), "known_hosts": str(pins)}
    now = seen(changed_pair(pair, tmp_path, db1={"ssh": ssh}))
    assert isinstance(now["db1"], Running) and not now["db1"].shell_silent
    pins.write_bytes(own + f"@revoked * {key}\n".encode())
    now = seen(changed_pair(pair, tmp_path, db1={"ssh": ssh}))
    assert isinstance(now["db1"], Running) and "is revoked: line" in now["db1"].shell_silent


def test_a_refused_ssh_is_told_and_fails_closed(pair: Lab, tmp_path: Path) -> None:
    path = changed_pair(pair, tmp_path, db1={"ssh": {**_ssh(pair, "db1"), "port": free_port()}})
    with running(path, "verify") as run:
        now = look(run)
        assert isinstance(now["db1"], Running) and "does not answer" in now["db1"].shell_silent
        assert held_up(run.doors["db1"]) == "", "what is said of its replay does not end in that"
        assert judged(run, HEALTHY, now).worst == "critical"


@pytest.mark.parametrize("key", ["/absent/id", "~noone/id"])
def test_a_wrong_ssh_key_is_told(pair: Lab, tmp_path: Path, key: str) -> None:
    now = seen(changed_pair(pair, tmp_path, db1={"ssh": {**_ssh(pair, "db1"), "key": key}}))
    assert isinstance(now["db1"], Running) and "there is no key file" in now["db1"].shell_silent


def test_a_silent_node_is_a_sighting_with_its_reasons(pair: Lab, tmp_path: Path) -> None:
    """Neither SQL nor ssh answers: each reason is told."""
    gone = {"port": free_port(), "ssh": {**_ssh(pair, "db1"), "port": free_port()}}
    now = seen(changed_pair(pair, tmp_path, db1=gone))
    assert isinstance(now["db1"], Silent)
    assert "SQL:" in now["db1"].why and "ssh:" in now["db1"].why
    with pytest.raises(NotSafe, match="db1 cannot be promoted"):
        carry_out(changed_pair(pair, tmp_path, db1=gone), "promote", "promote db1")


def test_a_refused_password_is_told(pair: Lab, tmp_path: Path) -> None:
    wrong = tmp_path / "pgpass"
    wrong.write_text("*:*:*:*:hunter2\n")
    wrong.chmod(0o600)
    now = seen(changed_pair(pair, tmp_path, passfile=str(wrong)))
    assert isinstance(now["db0"], Hung) and "password authentication failed" in now["db0"].why
    assert "hunter2" not in str(now)


def test_a_passfile_that_libpq_ignores_is_named(pair: Lab, tmp_path: Path) -> None:
    """setup said "start the cluster that is to be kept" of a running one."""
    open_ = tmp_path / "pgpass"
    open_.write_text(pair.passfile.read_text())
    open_.chmod(0o644)
    other = tmp_path / "other"
    other.write_text("elsewhere:*:*:postgres:x\n")
    other.chmod(0o600)
    for path, words, remedy in (
        (open_, "others may read it (mode 0644)", f"chmod 600 {open_}"),
        (tmp_path / "absent", "No such file", "make that passfile"),
        (
            other,
            f"other has no line for 127.0.0.1:{pair.node('db0').port}:postgres:postgres",
            f"add one to {other}",
        ),
    ):
        told = changed_pair(pair, tmp_path, passfile=str(path))
        for primary in ("", "db0"):
            with pytest.raises(NotSafe, match=remedy) as refused:
                carry_out(told, "setup", "setup db1", primary=primary)
            assert words in str(refused.value) and "start the cluster" not in str(refused.value)
            assert str(refused.value).count(remedy) == 1


def test_a_server_that_hangs_is_told_from_one_that_is_down(
    pair: Lab, tmp_path: Path, hung: None
) -> None:
    path = changed_pair(pair, tmp_path, timeouts={"connect": "500ms", "statement": "500ms"})
    now = seen(path)
    assert isinstance(now["db0"], Hung) and "no answer" in now["db0"].why
    assert len(now["db0"].disk.processes) > 3


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is empty"),
        (lambda path: (path.mkdir(), (path / "letter").write_text("x")), "has no PG_VERSION"),
        (
            lambda path: (path.mkdir(), (path / "PG_VERSION").write_text("17\n")),
            "was made by PostgreSQL 17",
        ),
        (lambda path: path.write_text("x"), "is not a directory"),
    ],
)
def test_a_directory_that_is_no_data_directory_is_told(
    pair: Lab, tmp_path: Path, prepare: object, words: str
) -> None:
    place = pair.node("db1").data_directory.parent / f"odd {tmp_path.name} it's"
    prepare(place)  # type: ignore[operator]
    path = changed_pair(pair, tmp_path, db1={"data_directory": str(place), "port": free_port()})
    assert isinstance(seen(path)["db1"], Blank)
    assert words in str(seen(path)["db1"])


def test_another_cluster_at_the_address_is_refused(pair: Lab, tmp_path: Path) -> None:
    """db1's address with a data directory that nobody has open: verify is critical, promote
    refuses.
    """
    path = changed_pair(pair, tmp_path, db1={"data_directory": "/var/tmp"})
    with running(path, "verify") as run:
        reasons = str([v.reason for v in judged(run, HEALTHY, look(run)).against])
        assert "db1: data_directory is wrong: /var/tmp has no PG_VERSION" in reasons
    with pytest.raises(NotSafe, match=r"db1: data_directory is wrong.*To do: correct data_dir"):
        carry_out(path, "promote", "promote db1")


def test_a_failover_while_the_primary_answers_is_refused(pair: Lab) -> None:
    before = state_of(pair)
    with pytest.raises(NotSafe, match="occasion=switchover"):
        carry_out(pair, "promote", "promote db1", occasion="failover")
    assert state_of(pair) == before


def test_the_writable_node_is_never_rebuilt(pair: Lab) -> None:
    with pytest.raises(NotSafe, match="db0 is the writable node"):
        carry_out(pair, "rebuild", "rebuild db0", node="db0")


def test_the_wrong_words_of_consent_are_refused_headless(pair: Lab) -> None:
    before = state_of(pair)
    with pytest.raises(NotConfirmed, match="confirm is 'promote db1 please'"):
        carry_out(pair, "promote", "promote db1 please")
    assert state_of(pair) == before


def test_a_paused_replay_refuses_a_switchover_with_every_reason_at_once(pair: Lab) -> None:
    ask(pair, "db1", "select pg_wal_replay_pause()")
    ask(pair, "db1", "alter system set recovery_min_apply_delay = '1h'")
    ask(pair, "db1", "select pg_reload_conf()")
    try:
        with pytest.raises(NotSafe) as refused:
            carry_out(pair, "promote", "promote db1")
        assert "replay is paused on db1" in str(refused.value)
        assert "recovery_min_apply_delay is 60 min" in str(refused.value)
    finally:
        ask(pair, "db1", "alter system reset recovery_min_apply_delay")
        ask(pair, "db1", "select pg_reload_conf()")
        ask(pair, "db1", "select pg_wal_replay_resume()")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "promote", "PAIR", "-p", "confrim=promote db1"), "did you mean 'confirm'?"),
        (("run", "promote", "PAIR", "-p", "occasion"), "has no value"),
        (("run", "verify", "PAIR", "-p", "light=true", "-p", "light=false"), "is given twice"),
        (("run", "rebuild", "PAIR", "-p", "node=db9"), "it may be db0 or db1"),
        (("run", "setup", "PAIR", "-p", "primary=db9"), "it may be db0 or db1"),
        (("run", "demote", "PAIR"), "there is no notebook 'demote'"),
        (("run", "verify", "nowhere"), "there is no pair 'nowhere'"),
        (("run", "verify", "PAIR", "-f", "/nowhere.yaml"), "cannot be read"),
        (("open", "verify", "PAIR", "-p", "lihgt=true"), "did you mean 'light'?"),
        (("init", "example"), "exists"),
    ],
)
def test_bad_parameters_end_with_64_and_a_sentence(
    pair: Lab, words: tuple[str, ...], told: str
) -> None:
    done = pgha(*(str(pair.pair_file) if word == "PAIR" else word for word in words))
    assert done.returncode == 64 and told in done.stderr and "Traceback" not in done.stderr


def test_two_clusters_that_are_no_pair_are_told_by_every_notebook(
    clusters: Lab, tmp_path: Path
) -> None:
    """A stranger's address in the pair file: verify, promote and rebuild refuse two system
    identifiers.
    """
    from .. import embedded as lab

    other = lab.up(tmp_path / "other")
    try:
        stranger = {
            "port": other.node("db1").port,
            "data_directory": str(other.node("db1").data_directory),
            "bin_directory": str(other.node("db1").bin_directory),
            "ssh": _ssh(other, "db1"),
        }
        ask(other, "db1", "alter role postgres password %s", _password(clusters))
        path = changed_pair(clusters, tmp_path, db1=stranger)
        with running(path, "verify") as run:
            assert "db0 is" in str([v.reason for v in judged(run, HEALTHY, look(run)).against])
        with pytest.raises(Refusal, match="two primaries"):
            carry_out(path, "promote", "promote db1")
        with pytest.raises(Refusal, match="two primaries"):
            carry_out(path, "rebuild", "rebuild db1")
    finally:
        lab.down(tmp_path / "other", remove=True)


def test_a_bad_parameter_in_a_notebook_is_told(pair: Lab) -> None:
    with (
        pytest.raises(BadParameters, match="occasion='party'"),
        running(pair, "promote", occasion="party"),
    ):
        pass


def _ssh(pair: Lab, node: str) -> dict[str, object]:
    import yaml

    found: dict[str, object] = yaml.safe_load(pair.pair_file.read_text())["nodes"][node]["ssh"]
    return found


def _password(pair: Lab) -> str:
    return next(
        line.rsplit(":", 1)[1]
        for line in pair.passfile.read_text().splitlines()
        if line.split(":")[3] == "postgres"
    )
