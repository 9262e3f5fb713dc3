"""Clients that follow a program or a connection string."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgha_helpers import clients
from pgha_helpers.model.errors import NotAchieved

from ..embedded import Lab
from .moves import consented, move, reasons
from .runs import changed_pair, running, script
from .servers import standby_of, writable


def test_a_command_redirects_and_is_checked(pair: Lab, tmp_path: Path) -> None:
    """It writes where the clients should go; nothing of an odd argument reaches a shell."""
    odd = "it's; $(touch /tmp/never) {nothing}"
    words = {
        "redirect": [
            script(
                tmp_path, "point", f'echo "$1:$2" > "{tmp_path}/road"; echo "$3" > "{tmp_path}/odd"'
            )
        ],
        "check": [
            script(tmp_path, "check", f'grep -qx "$1" "{tmp_path}/road"'),
            "{primary_port}:{primary}",
        ],
    }
    words["redirect"] += ["{primary_port}", "{primary}", odd]
    here, target = writable(pair)[0], standby_of(pair)
    (tmp_path / "road").write_text(f"{pair.node(here).port}:{here}\n")
    with consented(pair, tmp_path, {"name": "road", "kind": "command", **words}) as (run, plan):
        assert reasons(run) == ""
        move(run, plan)
        assert (tmp_path / "road").read_text() == f"{pair.node(target).port}:{target}\n"
        assert (tmp_path / "odd").read_text() == odd + "\n"


def test_a_check_that_fails_is_told_and_an_abort_undoes_every_client(
    pair: Lab, tmp_path: Path
) -> None:
    """Three clients, of which the last fails to be undone: the two others are led back all the
    same.
    """
    told = []
    for name, undo in (
        ("first", "exit 0"),
        ("second", "exit 0"),
        ("third", "echo no such zone >&2; exit 7"),
    ):
        log = f'echo "{name} $0 $1" >> "{tmp_path}/log"'
        told.append(
            {
                "name": name,
                "kind": "command",
                "redirect": [script(tmp_path, f"{name}-point", log), "{primary}"],
                "check": [script(tmp_path, f"{name}-check", f'[ -e "{tmp_path}/well" ]')],
                "undo": [script(tmp_path, f"{name}-undo", f"{log}; {undo}"), "{primary}"],
                "within": "100ms",
            }
        )
    here, target, well = writable(pair)[0], standby_of(pair), tmp_path / "well"
    well.touch()
    with consented(pair, tmp_path, *told) as (run, plan):
        well.unlink()
        assert "its check for" in reasons(run)
        with pytest.raises(
            NotAchieved, match=f"its check for {target} ends with status 1 after 100 ms"
        ):
            clients.redirect(run, plan)
        well.touch()
        (tmp_path / "log").unlink()
        with pytest.raises(NotAchieved, match="no such zone"):
            clients.take_clients_back(run, plan)
        lines = (tmp_path / "log").read_text().splitlines()
        assert [line.split()[0] for line in lines] == ["third", "second", "first"]
        assert all(line.endswith(f"-undo {here}") for line in lines)


def test_a_dsn_of_clients_is_judged_and_written_through(pair: Lab, tmp_path: Path) -> None:
    db0, db1 = pair.node("db0"), pair.node("db1")
    tail = "user=postgres dbname=postgres"
    both = f"host={db0.host},{db1.host} port={db0.port},{db1.port} {tail}"
    entry = {"name": "app", "kind": "libpq", "passfile": str(pair.passfile)}
    for dsn, words in (
        (
            f"host={db0.host} port={db0.port} {tail} target_session_attrs=read-write",
            "its dsn does not name db1",
        ),
        (both, "target_session_attrs=any"),
        (f"{both} target_session_attrs=read-write", ""),
    ):
        with running(
            changed_pair(pair, tmp_path, clients=[{**entry, "dsn": dsn}]), "verify"
        ) as run:
            assert words in (said := reasons(run)) and bool(words) == bool(said), said
    with consented(pair, tmp_path, {**entry, "dsn": f"{both} target_session_attrs=read-write"}) as (
        run,
        plan,
    ):
        move(run, plan)
    assert "wrote a row through its own dsn" in "; ".join(deed.did for deed in run.steps)
