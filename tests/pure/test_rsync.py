"""What a copy by rsync leaves out, what it reads of rsync's words, and how it finds its way."""

from __future__ import annotations

import pytest

from pgha_helpers.facts.rsync import RsyncRoad, read_place, ssh_words
from pgha_helpers.model import Ssh
from pgha_helpers.model.rsync import Moved, data_filters, progress, with_statistic


def rules(own: bool = True) -> list[str]:
    return data_filters(["its logs"], ["postgresql.conf", "etc"] if own else None, [16500])


def test_patterns_are_anchored_but_for_two_that_go_with_their_directory() -> None:
    floating = [rule for rule in rules() if not rule.split(" ", 1)[1].startswith("/")]
    assert floating == ["-p pgsql_tmp*", "-p pg_internal.init*"]


@pytest.mark.parametrize(
    "left_out",
    [
        *(
            "pg_wal",
            "pg_replslot",
            "pg_dynshmem",
            "pg_notify",
            "pg_serial",
            "pg_snapshots",
            "pg_stat_tmp",
        ),
        *(
            "pg_subtrans",
            "postmaster.pid",
            "postmaster.opts",
            "standby.signal",
            "recovery.signal",
            "recovery.conf",
        ),
        *(
            "global/pg_control",
            "backup_label",
            "tablespace_map",
            "log",
            "its logs",
            "pg_tblspc/16500",
            "pgha-*",
        ),
    ],
)
def test_what_belongs_to_one_server_is_left_out(left_out: str) -> None:
    assert f"- /{left_out}" in rules() and f"- /{left_out}" in rules(own=False)


def test_configuration_stays_where_there_is_some() -> None:
    assert {"- /*.conf", "- /conf.d", "- /etc"} <= set(rules())
    assert not {"- /*.conf", "- /conf.d", "- /etc"} & set(rules(own=False))


def test_names_that_users_may_have_are_not_left_out() -> None:
    """-C, the short way, drops core, tags, *.so and *.old."""
    assert not [
        rule for rule in rules() if any(word in rule for word in ("core", "tags", ".so", "*.old"))
    ]
    assert rules()[-1] == "P /*", (
        "what only the target has beside PostgreSQL's directories is not deleted"
    )


def test_the_words_of_rsync_are_read() -> None:
    assert progress("    262144 100%  244.14MB/s    0:00:00 (xfr#1, to-chk=3/7)") == 262144
    assert progress("Number of files: 3 (reg: 1, dir: 2)") is None
    moved = Moved()
    for line in (
        "Number of regular files transferred: 1",
        "Literal data: 10 bytes",
        "Total bytes sent: 7",
        "x",
    ):
        moved = with_statistic(moved, line) or moved
    assert (moved.files, moved.literal, moved.wire) == (1, 10, 7)
    assert (moved + moved).wire == 14


def test_a_rsync_that_is_not_there_has_no_version() -> None:
    assert read_place("boot b\ndirectory \nrsync \n").rsync == ()
    assert read_place("rsync 3.5.0\n").rsync == (3, 5, 0)


def test_the_words_of_ssh_ask_nothing_and_trust_nobody() -> None:
    told = " ".join(ssh_words(Ssh("db0", 2222, "postgres", "~/a 100% key", "/etc/known"), 3))
    for words in (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ForwardAgent=no",
        "IdentityAgent=none",
        'UserKnownHostsFile="/etc/known"',
        'IdentityFile="~/a 100%% key"',
        "Port=2222",
    ):
        assert words in told


def test_a_road_quotes_as_rsync_does() -> None:
    way = RsyncRoad("/data", False, "[::1]", ("ssh", "-o", 'IdentityFile="/it\'s a key"'))
    assert way.to("/data/") == "[::1]:/data/"
    assert way.options == ("-s", "-e", "'ssh' '-o' 'IdentityFile=\"/it''s a key\"'")
    assert RsyncRoad("/data", True).options == ()
