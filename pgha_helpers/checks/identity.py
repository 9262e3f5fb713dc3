"""Is this a pair at all, and who is who?"""

from __future__ import annotations

from .. import dialect
from ..model import Blank, Running, Silent, Snapshot
from ..model.sightings import disk_of
from .check import check


@check()
def both_nodes_answer(now: Snapshot) -> str | None:
    """Both nodes answer SQL.

    Start the one that is down, or run promote or rebuild.
    """
    down = [f"{s.node} {s}" for s in now.sightings if not isinstance(s, Running)]
    return "; ".join(down) or None


@check()
def both_shells_answer(now: Snapshot) -> str | None:
    """Both nodes answer over ssh.

    Mend the ssh account or its key: nothing can be stopped, fenced or started without it.
    """
    silent = [f"{s.node}: {s.shell_silent}" for s in now.running if s.shell_silent]
    silent += [f"{s.node}: {s.why}" for s in now.sightings if isinstance(s, Silent)]
    return "; ".join(silent) or None


@check()
def they_are_as_addressed(now: Snapshot) -> str | None:
    """Each address is answered by the data directory that the pair file names.

    Mend host, port or data_directory in the pair file: another cluster is answering.
    """
    strange = [
        f"{s.node} answers with {s.data_directory}, the pair file says {now.pair[s.node].data_directory}"
        for s in now.running
        if s.data_directory.rstrip("/") != now.pair[s.node].data_directory.rstrip("/")
        and not (s.disk and s.disk.control and s.disk.control.system_id == s.system_id and s.disk.processes)
    ]
    return "; ".join(strange) or None


@check(value=lambda now: next(filter(None, now.system_ids()), ""))
def they_are_one_system(now: Snapshot) -> str | None:
    """Both nodes are copies of one cluster: the same system identifier.

    Two clusters that were initialised apart become a pair only by the setup notebook.
    """
    ours, theirs = now.system_ids()
    a, b = now.pair.names
    return f"{a} is {ours} and {b} is {theirs}" if ours and theirs and ours != theirs else None


@check(value=lambda now: ", ".join(f"{s.node} {s.version // 10000}" for s in now.running))
def they_run_one_major_version(now: Snapshot) -> str | None:
    """Both nodes run the same major version of PostgreSQL.

    Streaming replication works only within one major version.
    """
    majors = {s.version // 10000 for s in now.running}
    return " and ".join(f"{s.node} runs {s.version // 10000}" for s in now.running) if len(majors) > 1 else None


@check(value=lambda now: now.primary.node)
def one_node_is_writable(now: Snapshot) -> str | None:
    """Exactly one node is writable.

    With two, fence one at once. With none, run promote.
    """
    if len(now.primaries) == 1:
        return None
    if now.primaries:
        return f"both {' and '.join(p.node for p in now.primaries)} are writable: two primaries"
    return "; ".join(f"{s.node} {s}" for s in now.sightings)


@check()
def the_primary_is_not_armed(now: Snapshot) -> str | None:
    """No standby definition waits on the primary for its next restart.

    A hand-over died after it armed the node: run promote again, or remove the file.
    """
    armed = [f"{p.node} is writable but has {p.disk.standby_files[0]}" for p in now.primaries if p.armed and p.disk]
    return f"{'; '.join(armed)}: a restart or one crashed backend would make it a standby" if armed else None


@check(level="warning", limit=lambda now: f"{now.pair.limits.clock_skew:g} s")
def the_clocks_agree(now: Snapshot) -> str | None:
    """The nodes' clocks agree with this machine's.

    Mend NTP: with skewed clocks, lag in seconds and the times in this record mean little.
    """
    skewed = [
        f"{s.node} is {disk.clock_skew:+.1f} s off"
        for s in now.sightings
        if (disk := disk_of(s)) and abs(disk.clock_skew) > now.pair.limits.clock_skew
    ]
    return "; ".join(skewed) or None


@check(level="warning", limit=lambda now: f"{now.pair.limits.free_space // 1024**2} MB")
def there_is_disk_space(now: Snapshot) -> str | None:
    """Both data directories have room to grow.

    Free some space: a full disk stops the primary, or replay on the standby.
    """
    full = [
        f"{s.node} has {disk.free_bytes // 1024**2} MB free"
        for s in now.sightings
        if not isinstance(s, Blank) and (disk := disk_of(s)) and disk.free_bytes < now.pair.limits.free_space
    ]
    return "; ".join(full) or None


@check()
def the_standby_can_replay_its_settings(now: Snapshot) -> str | None:
    """No setting that replay depends on is lower on the standby than on the primary.

    Raise it on the standby first and restart it; lower such settings on the primary first.
    """
    primary, standby = now.primary, now.standby
    lower = [
        f"{name} is {standby.settings[name]} on {standby.node}, {primary.settings[name]} on {primary.node}"
        for name in dialect.parity(primary.version // 10000)
        if int(standby.settings[name]) < int(primary.settings[name])
    ]
    return "; ".join(lower) or None


@check(level="warning")
def a_rewind_would_be_possible(now: Snapshot) -> str | None:
    """The way back by pg_rewind is open: wal_log_hints or data checksums.

    Run setup: without either, a diverged node can only be cloned again.
    """
    settings = now.primary.settings
    on = settings["wal_log_hints"] == "on" or settings["data_checksums"] == "on"
    return None if on else f"wal_log_hints and data checksums are both off on {now.primary.node}"
