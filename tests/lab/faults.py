"""Faults of three in the morning, a row each: what is wrong, how bad that is, and the first
sentence that a person reads of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import making_faults as made

_REBUILD = "run rebuild with node=db1: it starts it as a standby"
_START = "start db0 again; if it was the primary and is lost, run promote with occasion=failover"
_HUNG = r"SQL: {0} gave no answer within 1 s, although \d+ processes run, \d+ of them halted"


@dataclass(frozen=True)
class Fault:
    """`what` is a regular expression for all of the sentence before what is `to_do`. `limits` are
    those of the pair file; `by_command`: `pgha run verify` is asked, too.
    """

    name: str
    level: str
    what: str
    to_do: str
    make: made.Made
    limits: Mapping[str, str] = field(default_factory=dict)
    by_command: bool = False


FAULTS = (
    Fault(
        "the standby is stopped",
        "critical",
        r"db1: stopped since \S+ \S+Z",
        _REBUILD,
        made.stopped("db1"),
        by_command=True,
    ),
    Fault(
        "the standby is killed",
        "critical",
        r"db1: not running, and it was not shut down: control file says 'in archive recovery', "
        r"last written \S+ \S+Z",
        _REBUILD,
        made.killed("db1"),
    ),
    Fault(
        "the primary is stopped",
        "critical",
        r"db0: stopped since \S+ \S+Z",
        _START,
        made.stopped("db0"),
    ),
    Fault(
        "the primary is killed",
        "critical",
        r"db0: not running, and it was not shut down: control file says 'in production', "
        r"last written \S+ \S+Z",
        _START,
        made.killed("db0"),
    ),
    Fault(
        "the standby hangs",
        "critical",
        "db1: " + _HUNG.format("db1"),
        "see its log: it hangs, or host or port lead elsewhere",
        made.frozen("db1"),
    ),
    Fault(
        "the primary hangs",
        "critical",
        "db0: " + _HUNG.format("db0"),
        "see its log: it hangs, or host or port lead elsewhere; if it was the primary and is lost, "
        "run promote with occasion=failover",
        made.frozen("db0"),
    ),
    Fault(
        "sshd hangs",
        "critical",
        r"db1: ssh: \S+@127\.0\.0\.1:\d+ takes the connection, and does not answer as an ssh "
        "server",
        "see whether sshd there is well, and listens on that port; else correct ssh.port in the "
        "pair file",
        made.ssh_frozen("db1"),
    ),
    Fault(
        "two are writable",
        "critical",
        r"both db0 and db1 are writable: two primaries; they parted at \S+; written since, and "
        r"missing on the other: db0 .* of WAL and db1 .* of WAL",
        "stop one at once: rebuild with node= and method=stop",
        made.two_writable,
    ),
    Fault(
        "commits wait",
        "critical",
        "every commit on db0 waits: synchronous_standby_names is 'db2', and only db1 streams",
        "Bring that standby back (rebuild); or set synchronous_standby_names to '' on the primary "
        "and reload, and know that commits are then on one node alone. Until then every client "
        "hangs",
        made.settings("db0", synchronous_standby_names="db2"),
        by_command=True,
    ),
    Fault(
        "the standby is cut off",
        "critical",
        r"primary_conninfo of db1 leads to 127\.0\.0\.1:1, not 127\.0\.0\.1:\d+",
        "Look where it is set: select name, setting, sourcefile, sourceline from pg_settings. Run "
        "rebuild: it writes ours",
        made.cut_off,
    ),
    Fault(
        "the standby has another name",
        "critical",
        "primary_conninfo of db1 calls it 'walreceiver'",
        "Look where it is set: select name, setting, sourcefile, sourceline from pg_settings. Run "
        "rebuild: it writes ours",
        made.under_another_name,
    ),
    Fault(
        "the slot is dropped",
        "critical",
        "(db0 has no walsender whose application_name is db1|the walsender for db1 is in state "
        "startup): db0 has no slot pgha_db1",
        "Look at the standby's log; run rebuild for it",
        made.slot_dropped,
    ),
    Fault(
        "the slot is unused",
        "critical",
        "primary_slot_name is '' on db1, not 'pgha_db1'",
        "Look where it is set: select name, setting, sourcefile, sourceline from pg_settings. Run "
        "rebuild: it writes ours",
        made.without_its_slot,
    ),
    Fault(
        "nobody may replicate",
        "critical",
        'db0 and db1 cannot replicate from each other: FATAL: role "replicator" is not permitted '
        "to log in",
        "Check pg_hba.conf on the other node, the passfile of PostgreSQL's user on this one, and "
        "peer_host; setup mends both",
        made.statements("db0", "alter role replicator nologin", "alter role replicator login"),
    ),
    Fault(
        "replay is paused",
        "critical",
        r"replay is paused on db1 at \S+: somebody called pg_wal_replay_pause\(\)",
        "If a setting is lower there, raise it and restart the standby. Else find out who paused "
        "it, then: select pg_wal_replay_resume()",
        made.statements("db1", "select pg_wal_replay_pause()", "select pg_wal_replay_resume()"),
        by_command=True,
    ),
    Fault(
        "replay is delayed",
        "critical",
        "recovery_min_apply_delay is 15 min on db1",
        "Set recovery_min_apply_delay to 0 on the standby and reload",
        made.settings("db1", recovery_min_apply_delay="15min"),
    ),
    Fault(
        "replay hangs",
        "critical",
        r"db1 is \S+ MB behind, 64 kB allowed",
        "Wait, or find what holds it back: network, disk, or a long query on the standby",
        made.behind,
        {"lag": "64kB"},
    ),
    Fault(
        "a promotion waits",
        "critical",
        r"db1 has promote in \S+/data: it may promote itself at any moment",
        "Run rebuild for the standby, which removes it, and find out whose promotion was begun "
        "there and never sent: the next walreceiver or walsender that is started makes PostgreSQL "
        "look, and then there are two primaries",
        made.file("db1", "promote"),
    ),
    Fault(
        "the primary is armed",
        "critical",
        r"db0 is writable but has standby\.signal: a restart or one crashed backend would make it "
        "a standby",
        "A hand-over died after it armed the node: run promote again, or remove the file",
        made.file("db0", "standby.signal"),
    ),
    Fault(
        "a transaction is undecided",
        "critical",
        "prepared on db0: 'pay-4711' of postgres in postgres, .* old",
        "Let its transaction manager decide, or do it by hand: commit prepared 'gid' or rollback "
        "prepared 'gid'. It would move to the new primary undecided, with all its locks",
        made.statements(
            "db0",
            "begin; create table undecided (); prepare transaction 'pay-4711'",
            "rollback prepared 'pay-4711'",
        ),
    ),
    Fault(
        "a transaction is long",
        "critical",
        r"open on db0: pid \d+ \(postgres, shop, idle in transaction\) for .*",
        "Wait for it, end it (select pg_terminate_backend(pid)), or give promote a `drain` that "
        "waits and then ends it",
        made.open_transaction,
        {"long_transaction": "300ms"},
    ),
    Fault(
        "the archive fails",
        "critical",
        r"archiving fails on db0, last of \w+; 1 segment waits",
        "Mend archive_command or what it writes to, and wait until it has caught up: the shutdown "
        "waits for it",
        made.archive_fails,
    ),
    Fault(
        "postgresql.conf is broken",
        "critical",
        r'db0: invalid value for parameter "shared_buffers": "12XB" \(Valid units .*\) '
        r"\(\S+/postgresql\.conf line \d+\)",
        "Mend what is named on that node: until then no restart and no move would bring that "
        "server back",
        made.file("db0", "postgresql.conf", "\nshared_buffers = 12XB\n"),
    ),
    Fault(
        "pg_hba.conf is broken",
        "critical",
        r'db1: pg_hba\.conf line \d+: invalid connection type "hots"',
        "Mend what is named on that node: until then no restart and no move would bring that "
        "server back",
        made.file("db1", "pg_hba.conf", "\nhots all all all trust\n"),
    ),
    Fault(
        "another port waits",
        "critical",
        r"after a restart of db0 port is \d+, and would be 5555",
        "Set port and listen_addresses in its configuration as they are, or restart it at a time "
        "of your choice, and mend the pair file, the clients and the other node's "
        "primary_conninfo first",
        made.settings("db0", port="5555"),
    ),
    Fault(
        "restore_command is not there",
        "critical",
        "restore_command cannot be run: on db1 it ends with status 127",
        "Mend it: PostgreSQL ends itself where its restore_command cannot be run or dies of a "
        "signal. That is at a promotion, when the old primary becomes a standby, and whenever a "
        "standby loses its primary",
        made.settings("db1", restore_command="/nowhere/fetch %f %p"),
    ),
    Fault(
        "the standby would refuse writes",
        "critical",
        "default_transaction_read_only is on on db1",
        "Set default_transaction_read_only to off on the standby, and reload: else every write "
        "fails after the move",
        made.settings("db1", default_transaction_read_only="on"),
    ),
    Fault(
        "repmgrd rules here",
        "critical",
        r"repmgrd \(pid \d+\) on db0",
        "Pause it for the move, or use it instead of this runbook: two that stop and start "
        "PostgreSQL are one too many",
        made.manager,
    ),
    Fault(
        "an unlogged table has rows",
        "warning",
        r"would be empty: public\.carts in postgres \(8 kB\)",
        "Copy what is needed into a logged table, or alter table … set logged: unlogged tables "
        "are empty on the new primary. So is a hash index before 10, which is in no WAL: reindex "
        "it there",
        made.statements("db0", "create unlogged table carts as select 1 as n", "drop table carts"),
        by_command=True,
    ),
    Fault(
        "a setting differs",
        "warning",
        "work_mem is '64MB' on db0, '4MB' on db1",
        "Make them equal, or know why not: after the move clients live with the settings of the "
        "other node",
        made.settings("db0", work_mem="64MB"),
    ),
    Fault(
        "a commit is hasty",
        "warning",
        "on db0 synchronous_commit is off",
        "Such commits are lost in a crash of the primary, and no salvage finds them. Whoever does "
        "not mean that sets them on",
        made.settings("db0", synchronous_commit="off"),
    ),
)
