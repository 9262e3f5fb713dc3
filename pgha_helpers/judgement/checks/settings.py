"""Do the settings of both nodes let them change places?"""

from __future__ import annotations

import re

from ...model import Running, Snapshot, dialect
from ...model.conninfo import PROOF
from ...model.errors import NotSeen
from ...model.show import Table, plural
from ..plans.for_now import SYNCHRONOUS, satisfied, would_wait
from .check import check

#: Values of synchronous_commit with which a commit waits for nobody else.
_ALONE = ("off", "local")

#: Settings that say which node this is, or who feeds it: they differ on every healthy pair.
_A_NODES_OWN = {
    "cluster_name",
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "hosts_file",
    "ident_file",
    "listen_addresses",
    "port",
    "primary_conninfo",
    "primary_slot_name",
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_key_file",
    "synchronized_standby_slots",
    "transaction_read_only",
    "unix_socket_directories",
    "unix_socket_directory",
}


@check(value=lambda now: f"{len(dialect.hot_standby_settings(now.primary.major))} compared")
def the_standby_can_replay_its_settings(now: Snapshot) -> str | None:
    """No setting that replay depends on is lower on the standby than on the primary.

    Raise it on the standby first and restart it; lower such settings on the primary first.
    """
    return "; ".join(lower_settings(now)) or None


def lower_settings(now: Snapshot) -> list[str]:
    """Settings that replay depends on and that are lower on the standby, each in words."""
    primary, standby = now.primary, now.standby
    found = dialect.lower(
        standby.settings, primary.settings, dialect.hot_standby_settings(primary.major)
    )
    return [
        f"{name} is {standby.settings[name]} on {standby.node}, {value} on {primary.node}"
        for name, value in found.items()
    ]


@check(value=lambda now: now.primary.settings.get(dialect.TITLES, "views tell it"))
def titles_tell_what_processes_do(now: Snapshot) -> str | None:
    """Before PostgreSQL 10, titles tell what walsenders and walreceivers do.

    Set update_process_title = on on that node, reload it, and restart the standby's server.
    """
    seen = now.running or (now.primary,)
    silent = [one.node for one in seen if one.settings.get(dialect.TITLES, "on") != "on"]
    return f"{dialect.TITLES} is off on {' and '.join(silent)}" if silent else None


@check(level="warning", value=lambda now: _hints(now.primary))
def a_rewind_would_be_possible(now: Snapshot) -> str | None:
    """The way back by pg_rewind is open: wal_log_hints or data checksums.

    Run setup: without either, a diverged node can only be cloned again.
    """
    if _hints(now.primary) == "neither":
        # no setup would change anything, and a verify of such a pair would never end well
        if dialect.instead("pg_rewind", now.primary.major):
            return None
        return f"wal_log_hints and data checksums are both off on {now.primary.node}"
    return None


@check(level="warning", value=lambda now: plural(len(_hasty(now)), "exception"))
def what_is_acknowledged_is_on_the_disk(now: Snapshot) -> str | None:
    """A commit is on the primary's disk before it is acknowledged: fsync and synchronous_commit.

    Such commits are lost in a crash of the primary, and no salvage finds them. Whoever does not
    mean that sets them on.
    """
    found = _hasty(now)
    return f"on {now.primary.node} {'; '.join(found)}" if found else None


def _hasty(now: Snapshot) -> tuple[str, ...]:
    return now.closely(now.primary.node).hasty


def _hints(seen: Running) -> str:
    return next(
        (name for name in ("data_checksums", "wal_log_hints") if seen.settings.get(name) == "on"),
        "neither",
    )


def differences(now: Snapshot) -> tuple[tuple[str, str, str], ...]:
    """Settings that differ and need not: name, and the value on each node. Raises NotSeen without a
    close look.
    """
    first, second = (now.closely(name).settings for name in now.pair.names)
    names = sorted((first.keys() | second.keys()) - _A_NODES_OWN)
    told = ((name, first.get(name, "not there"), second.get(name, "not there")) for name in names)
    return tuple((name, *_tellable(name, x, y)) for name, x, y in told if x != y)


#: Settings that hold a program's words, or were made up by whoever set them: an archive's token is
#: in one of them.
_MAY_HOLD_A_SECRET = re.compile(r"command|conninfo|pass|secret|token|key|[.]")
_HARMLESS = re.compile(r"on|off|not there|-?[\d.]+ ?[A-Za-z]{0,3}|")


def _tellable(name: str, one: str, other: str) -> tuple[str, str]:
    """Two different values of a setting as they may be shown.

    >>> _tellable("archive_command", "", "push --token x %p"), _tellable("work_mem", "4MB", "8MB")
    (('', 'a text that is not shown'), ('4MB', '8MB'))
    """
    if not _MAY_HOLD_A_SECRET.search(name):
        return one, other
    hidden = "a text that is not shown"
    one, other = (value if _HARMLESS.fullmatch(value) else hidden for value in (one, other))
    return (one, other) if one != other else (hidden, "another one")


def parity(now: Snapshot) -> Table:
    """The settings that differ between the nodes and need not, a row for each."""
    head = ("settings that differ", *now.pair.names)
    try:
        return Table(head, differences(now) or (("none", "", ""),))
    except NotSeen:  # raised, it would end a verify as refused, before its verdict
        return Table(
            head, [("not known", *("" if s in now.running else str(s) for s in now.sightings))]
        )


@check(level="warning", value=lambda now: f"{len(differences(now))} differ")
def the_settings_agree(now: Snapshot) -> str | None:
    """Every other setting is the same on both nodes.

    Make them equal, or know why not: after the move clients live with the settings of the other
    node.
    """
    a, b = now.pair.names
    told = [f"{n} is {_short(x)} on {a}, {_short(y)} on {b}" for n, x, y in differences(now)]
    return "; ".join(told) or None


def _short(value: str) -> str:
    if len(value) > 60:
        value = value[:57] + "..."
    return repr(value)


@check(
    level="warning",
    value=lambda now: plural(len(now.closely(now.standby.node).databases), "database"),
)
def the_standby_has_every_extension(now: Snapshot) -> str | None:
    """The standby has the files of every extension that is created in its databases.

    Install the extension's package on that node: after the move its functions would fail. A control
    file that cannot be read is another version's: move it away.
    """
    node = now.standby.node
    found = now.closely(node).databases
    missing = [f"{x} in {db.name}" for db in found for x in db.extensions_missing]
    told = [f"{node} lacks the files of {', '.join(missing)}"] if missing else []
    unread = dict.fromkeys(db.extensions_unread for db in found if db.extensions_unread)
    told += [f"which files there are is not known: {why}" for why in unread]
    return "; ".join(told) or None


@check(
    value=lambda now: (
        f"{_free_walsenders(now.standby)} of {now.standby.settings['max_wal_senders']}"
    )
)
def the_standby_has_a_free_walsender(now: Snapshot) -> str | None:
    """The standby has a free walsender for the old primary.

    End a client of replication on the standby, or raise max_wal_senders there, which takes a
    restart.
    """
    node, limit = now.standby.node, now.standby.settings["max_wal_senders"]
    if _free_walsenders(now.standby) < 1:
        return f"all {limit} walsenders of {node} are in use"
    return None


def _free_walsenders(seen: Running) -> int:
    taken = [s for s in seen.senders if s.application != PROOF]
    return int(seen.settings["max_wal_senders"]) - len(taken)


@check(
    value=lambda now: (
        dialect.instead("slots", now.standby.major)
        or f"{_free_slots(now.standby)} of {now.standby.settings['max_replication_slots']}"
    )
)
def the_standby_has_a_free_slot(now: Snapshot) -> str | None:
    """The standby has a free replication slot for the old primary.

    Drop a slot that nobody uses on the standby, or raise max_replication_slots there, which takes a
    restart.
    """
    standby, own = now.standby, now.pair[now.primary.node].slot
    if dialect.instead("slots", standby.major):
        return None
    if _free_slots(standby) > 0 or any(slot.name == own for slot in standby.slots):
        return None
    return (
        f"all {standby.settings['max_replication_slots']} replication slots of {standby.node} "
        "are taken"
    )


def _free_slots(seen: Running) -> int:
    return int(seen.settings["max_replication_slots"]) - len(seen.slots)


@check(value=lambda now: repr(now.primary.settings.get(SYNCHRONOUS, "")))
def no_commit_waits_for_a_missing_standby(now: Snapshot) -> str | None:
    """No commit on the primary waits for a standby that does not stream.

    Bring that standby back (rebuild); or set synchronous_standby_names to '' on the primary and
    reload, and know that commits are then on one node alone. Until then every client hangs.
    """
    primary, names = now.primary, would_wait(now.primary)
    if not names or now.closely(primary.node).settings.get("synchronous_commit") in _ALONE:
        return None
    streaming = [sender.application for sender in primary.senders if sender.state == "streaming"]
    who = f"only {', '.join(streaming)} streams" if streaming else "no standby streams"
    return f"every commit on {primary.node} waits: {SYNCHRONOUS} is {names!r}, and {who}"


@check(value=lambda now: repr(now.standby.settings.get("synchronous_standby_names", "")))
def commits_would_go_on_after_the_move(now: Snapshot) -> str | None:
    """Commits would not wait for a standby that is missing after the move.

    Set synchronous_standby_names on the standby to '' or to a list with the old primary's name, and
    reload.
    """
    standby, old = now.standby, now.primary.node
    names = standby.settings.get("synchronous_standby_names", "")
    if satisfied(names, old):
        return None
    return (
        f"synchronous_standby_names is {names!r} on {standby.node}: commits would wait for "
        f"more than {old}"
    )


@check(
    level="warning",
    value=lambda now: (
        dialect.instead("retry_interval", now.standby.major)
        or f"{now.standby.settings['wal_retrieve_retry_interval']} ms"
    ),
    limit=lambda _: "1000 ms",
)
def a_promotion_would_not_oversleep(now: Snapshot) -> str | None:
    """The standby looks for WAL often enough that a promotion cannot oversleep.

    Run setup, or set wal_retrieve_retry_interval to 100ms and reload: at 5 s, 1 of 25 promotions
    took 5 s.
    """
    if dialect.instead("retry_interval", now.standby.major):
        return None
    interval = int(now.standby.settings["wal_retrieve_retry_interval"])
    if interval > 1000:
        return f"wal_retrieve_retry_interval is {interval} ms on {now.standby.node}"
    return None
