"""Would each server come up again, and as what? Its files are asked, and not only what runs.

A move stops the old primary: then what somebody has written and never loaded, or given once on a
command line, decides how it comes back, and whether.
"""

from __future__ import annotations

from contextlib import suppress

from ...model import Running, Snapshot, dialect
from ...model.errors import NotSeen
from ...model.host import Host, Start
from ...model.pair import Commands
from ...model.show import plural, span
from ...model.sightings import disk_of
from ...model.strays import strays
from .check import check


def _start(now: Snapshot, name: str) -> Start:
    """What it would start with. Raises NotSeen where that cannot be read."""
    start = now.host(name).start
    if not start.settings:
        why = "; ".join(start.refused) or "its postgres does not tell"
        raise NotSeen(
            f"what {name} would start with is not known: {why}", f"mend the configuration of {name}"
        )
    return start


@check(value=lambda now: " and ".join(s.node for s in now.running) + " rehearsed")
def each_server_would_start_again(now: Snapshot) -> str | None:
    """Each server would start again, with its files as they are now.

    Mend what is named on that node: until then no restart and no move would bring that server back.
    """
    told = [f"{name}: {why}" for name in now.pair.names for why in _refusals(now, name)]
    return "; ".join(told) or None


def _refusals(now: Snapshot, name: str) -> list[str]:
    """Why it would not come up, with the file and the line of each setting that is named."""
    told, places = [*_signals(now, name), *now.host(name).start.refused], dict[str, str]()
    with suppress(NotSeen):  # a role that may not see where, knows why
        places.update(now.closely(name).misset)
    return [
        why + "".join(f" ({place})" for setting, place in places.items() if f'"{setting}"' in why)
        for why in told
    ]


def _signals(now: Snapshot, name: str) -> list[str]:
    """What somebody has left there: a restore that the next start would begin, and what it would
    stumble over. The backup_label of an exclusive backup goes with that.
    """
    seen, disk = now[name], disk_of(now[name])
    ends = (
        isinstance(seen, Running)
        and seen.writable
        and any(not backup.pid for backup in now.closely(name).backups)
    )
    found = strays(disk) if disk else ()
    told = [str(stray) for stray in found if not (ends and stray.file == "backup_label")]
    if disk and disk.control and disk.control.backup_was_cut_off:
        told.append(
            f"as a standby it would not come up: it was started from a backup that began at "
            f"{disk.control.backup} and was cut off. To move all the same, stop it and run promote "
            "with occasion=failover; then only a copy brings it back (rebuild)"
        )
    return told


@check(value=lambda now: plural(len(now.closely(now.primary.node).given), "option"))
def what_was_given_at_its_start_comes_again(now: Snapshot) -> str | None:
    """What the primary was started with on a command line it would be given again.

    Write it into its configuration (alter system set name = 'value'), or let its service give it.
    """
    primary, lost = now.primary, _lost_with_its_command_line(now)
    told = [
        f"{name} is {now.closely(primary.node).given[name]}, and would be {future}"
        for name, future in lost.items()
    ]
    if told:
        return (
            f"{primary.node} was started by hand, with what its service does not give: "
            f"{'; '.join(told)}"
        )
    names = (*dialect.hot_standby_settings(primary.major), "hot_standby")
    fixed = dialect.lower(now.closely(primary.node).given, now.standby.settings, names)
    stuck = [
        f"{name} is lower than on {now.standby.node} ({value})" for name, value in fixed.items()
    ]
    if not stuck:
        return None
    return f"the command line of {primary.node} cannot be overruled: {'; '.join(stuck)}"


def _lost_with_its_command_line(now: Snapshot) -> dict[str, str]:
    """Settings that somebody gave the primary with its start and that come back otherwise, with
    what they would be.
    """
    node, host = now.pair[now.primary.node], now.host(now.primary.node)
    given, start = now.closely(node.name).given, _start(now, node.name)
    changed = {name: start.settings.get(name, "unknown") for name in given}
    return {
        name: future
        for name, future in changed.items()
        if future != given[name] and not _gives(node.service, host, name, given[name])
    }


def _gives(service: str | Commands, host: Host, name: str, value: str) -> bool:
    """Whether the service gives this setting. What a program of the operator's gives, nobody can
    tell: it is believed.

    But a server that systemd is to start and does not know was started by somebody else.
    """
    if isinstance(service, Commands):
        return bool(host.unit) or not any(word.endswith("systemctl") for word in service.start)
    return name in host.options or value in host.options


@check(
    value=lambda now: (
        f"port {now.primary.settings['port']}, {now.primary.settings['listen_addresses']!r}"
    )
)
def the_primary_comes_back_where_it_is(now: Snapshot) -> str | None:
    """The primary would listen again where it listens now.

    Set port and listen_addresses in its configuration as they are, or restart it at a time of your
    choice, and mend the pair file, the clients and the other node's primary_conninfo first.
    """
    primary = now.primary
    start, given = _start(now, primary.node).settings, now.closely(primary.node).given
    told = []
    if "port" not in given and start.get("port") != primary.settings["port"]:
        told.append(f"port is {primary.settings['port']}, and would be {start.get('port')}")
    here, there = (
        _addresses(have.get("listen_addresses", "")) for have in (primary.settings, start)
    )
    if "listen_addresses" not in given and "*" not in there and not here <= there:
        told.append(
            f"listen_addresses is {', '.join(sorted(here))!r}, and would be "
            f"{', '.join(sorted(there))!r}"
        )
    return f"after a restart of {primary.node} {'; '.join(told)}" if told else None


def _addresses(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}


@check(level="warning", value=lambda now: f"{len(dialect.CHANGES_PLACES)} compared")
def each_could_replay_after_a_restart(now: Snapshot) -> str | None:
    """Each node would start with enough to replay what the other one writes, and at once.

    A switchover and a rebuild raise it on the node that becomes a standby; or do it: alter system
    set name = 'value'.
    """
    return (
        "; ".join(_too_low(now, now.primary, now.standby) + _too_low(now, now.standby, now.primary))
        or None
    )


def _too_low(now: Snapshot, one: Running, other: Running) -> list[str]:
    """What the one would start with lower than the other has it, and how late it would replay, each
    in words.
    """
    have = {**_start(now, one.node).settings, **now.closely(one.node).given}
    found = dialect.lower(have, other.settings, dialect.CHANGES_PLACES)
    told = [
        f"{one.node} would start with {name} = {have[name]}, {other.node} has {value}"
        for name, value in found.items()
    ]
    delay = int(have.get("recovery_min_apply_delay", "0"))
    if one.writable and delay:
        told.append(f"{one.node} would replay {span(delay / 1000)} late (recovery_min_apply_delay)")
    return told


@check(level="warning", value=lambda now: " and ".join(now.pair.names))
def nothing_waits_for_a_restart(now: Snapshot) -> str | None:
    """No setting waits for a restart.

    Know what they do: the move restarts the old primary, and brings them with it. To be rid of one:
    alter system reset.
    """
    waits = {name: now.closely(name).waiting for name in now.pair.names}
    told = [f"{', '.join(names)} on {name}" for name, names in waits.items() if names]
    if now.primary.settings.get("data_checksums") == "inprogress-on":
        told.append(f"data checksums are being enabled on {now.primary.node}: that begins anew")
    return (
        "; ".join((*told, *filter(None, (_another_minor(now, seen) for seen in now.running))))
        or None
    )


def _another_minor(now: Snapshot, seen: Running) -> str:
    """Programs were installed, and the server was not restarted."""
    runs, would = seen.release, now.host(seen.node).start.version
    return f"{seen.node} runs {runs} and would start as {would}" if would and would != runs else ""


@check(value=lambda now: " and ".join(_archives(now)) or "no restore_command")
def what_restores_from_an_archive_can_be_run(now: Snapshot) -> str | None:
    """restore_command can be run on each node.

    Mend it: PostgreSQL ends itself where its restore_command cannot be run or dies of a signal.
    That is at a promotion, when the old primary becomes a standby, and whenever a standby loses its
    primary.
    """
    ends = {name: now.host(name).restore for name in now.pair.names}
    fatal = [
        f"on {name} it ends with status {it.status}" for name, it in ends.items() if it and it.fatal
    ]
    return f"restore_command cannot be run: {'; '.join(fatal)}" if fatal else None


def _archives(now: Snapshot) -> list[str]:
    ends = {name: now.host(name).restore for name in now.pair.names}
    return [f"{name}: status {it.status}" for name, it in ends.items() if it]


@check(value=lambda now: f"of {now.primary.node}")
def settings_can_be_written(now: Snapshot) -> str | None:
    """ALTER SYSTEM is allowed on the primary, and has effect.

    Set allow_alter_system = on in its configuration and reload; let PostgreSQL's user write
    postgresql.auto.conf. The old primary's standby definition is written there while clients still
    work.
    """
    return _fixed(now, now.primary)


@check(level="warning", value=lambda now: f"of {now.standby.node}")
def settings_can_be_written_on_the_standby(now: Snapshot) -> str | None:
    """ALTER SYSTEM is allowed on the standby, too, and has effect.

    Do the same there: the way back needs it, and a failover that skips a delay or a synchronous
    standby.
    """
    return _fixed(now, now.standby)


def _fixed(now: Snapshot, seen: Running) -> str | None:
    if seen.settings.get("allow_alter_system", "on") != "on":
        return f"allow_alter_system is off on {seen.node}"
    fixed = now.host(seen.node).fixed
    file = dialect.spelled("postgresql.auto.conf", seen.major)
    return f"{file} of {seen.node}: {fixed}" if fixed else None
