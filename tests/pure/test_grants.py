"""What `pgha grants` prints: it holds in each version, and sudo takes its lines."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest

from pgha_helpers.model import Pair, Ssh
from pgha_helpers.model.clients import Command
from pgha_helpers.model.errors import BadParameters
from pgha_helpers.model.fence import Fence
from pgha_helpers.model.grants import grant_for
from pgha_helpers.model.major import Major
from pgha_helpers.model.pair import Commands
from pgha_helpers.monitoring.grants import ROLES, printed
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.parameters.pair_file import load_pair

from .pictures import pair

EXAMPLE = load_pair(str(CHECKOUT / "parameters" / "example.yaml"))


def test_the_guide_shows_what_is_printed() -> None:
    assert printed(EXAMPLE, ["monitor"], "18") in (CHECKOUT / "docs" / "grants.md").read_text()


@pytest.mark.parametrize("version", [*map(str, range(10, 19))])
def test_what_a_version_does_not_have_is_not_granted(version: str) -> None:
    told, major = printed(EXAMPLE, (), version), Major.parse(version)
    assert ("pg_monitor" in told) == (major > Major.parse("9.6"))
    assert ("pg_stat_file" in told) == (major > Major.parse("10"))
    late = major > Major.parse("14")
    assert ("pg_checkpoint" in told) == ("alter system on" in told) == late
    assert ("Before 15 ALTER SYSTEM" in told) == (not late)
    assert ("promote_trigger_file" in told) == (version == "15")
    statements = [line for line in told.splitlines() if not line.startswith("--") and line]
    assert all(line.startswith(("grant ", "create role ")) for line in statements)
    assert all(line.endswith(";") for line in statements)


def test_a_part_is_printed_by_its_word_and_others_are_refused() -> None:
    assert "pgha_operator" not in printed(EXAMPLE, ["monitor", "replication"], "15")
    named = replace(EXAMPLE, monitor_user='odd "name"', user="ann")
    told = printed(named, (), "18")
    assert 'create role "odd ""name""" login;' in told and 'to "ann";' in told
    told = " ".join(told.replace("\n-- ", " ").split())
    for line in (
        r'\password "odd ""name"""',
        'host all "odd ""name""" ADDRESS',
        "monitor_user: 'odd ",
    ):
        assert line in told, "as each of them takes it"
    assert r"\password ann)" in told and "host all ann ADDRESS" in told and "user: ann" in told
    for words, major in ((["monitors"], "18"), ([], "8.4"), ([], "99"), ([], "new")):
        with pytest.raises(BadParameters):
            printed(EXAMPLE, words, major)


def test_an_error_names_what_would_help() -> None:
    for role in ROLES.values():
        for grant in role.grants:
            for name in grant.names:
                told = grant_for(f'Zugriff verweigert für "{name}"', "x")
                assert name in told or grant.given[0] in told
    assert "pgha grants" in grant_for("must be superuser", "x")


def odd() -> Pair:
    """A pair of which much is done by sudo."""
    db0, db1 = pair().nodes
    systemctl = ("sudo", "-n", "systemctl")
    unit = "postgresql@15-main"
    service = Commands((*systemctl, "start", unit), (*systemctl, "stop", unit))
    fence = Fence(("sudo", "/sbin/off", "a,b:c=d"), ("/sbin/is-off", "db1"))
    ops = Ssh("db0.example", user="ops")
    nodes = (
        replace(db0, owner="postgres", ssh=ops, service=service),
        replace(db1, owner="postgres", ssh=ops, fence=fence),
    )
    to = ("sudo", "-u", "dns", "--", "/sbin/point", "{primary_host}")
    client = Command("dns", to, ("/sbin/points", "x"), ssh=Ssh("dns.example", user="ops"))
    return pair(nodes=nodes, clients=(client,))


def test_sudo_takes_its_lines(need: Callable[..., None]) -> None:
    need("visudo", "sudo")
    told = printed(odd(), ["sudoers"])
    lines = [line for line in told.splitlines() if not line.startswith("#")]
    assert lines[:3] == [
        "ops ALL=(postgres) NOPASSWD: ALL",
        "ops ALL=(root) NOPASSWD: /usr/bin/systemctl start postgresql@15-main",
        "ops ALL=(root) NOPASSWD: /usr/bin/systemctl stop postgresql@15-main",
    ]
    assert lines[3].endswith("/sbin/off a\\,b\\:c\\=d")
    addresses = {node.host for node in odd()}
    assert set(lines[4:]) == {f"ops ALL=(dns) NOPASSWD: /sbin/point {it}" for it in addresses}
    done = subprocess.run(["visudo", "-c", "-f", "-"], input=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_pair_without_sudo_needs_no_line() -> None:
    assert printed(pair(), ["sudoers"]).startswith("# No line of sudoers is needed")
