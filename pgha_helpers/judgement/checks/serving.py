"""Would clients be served on the standby, once it is primary, as they are now?"""

from __future__ import annotations

from ...model import Snapshot
from ...model.show import plural
from .check import check

_MOST = 3  # rules that are named


def _settings(now: Snapshot) -> tuple[dict[str, str], dict[str, str]]:
    """All settings of the primary, and of the standby."""
    here, there = now.closely(now.primary.node), now.closely(now.standby.node)
    return {**here.settings}, {**there.settings}


@check(value=lambda now: f"on {now.standby.node}")
def clients_could_write_on_the_standby(now: Snapshot) -> str | None:
    """Clients could write on the standby, once it is primary.

    Set default_transaction_read_only to off on the standby, and reload: else every write fails
    after the move.
    """
    here, there = (have.get("default_transaction_read_only") for have in _settings(now))
    if there == "on" and here != "on":
        return f"default_transaction_read_only is on on {now.standby.node}"
    return None


@check(level="warning", value=lambda now: plural(len(now.closely(now.standby.node).let_in), "rule"))
def clients_would_be_let_in_on_the_standby(now: Snapshot) -> str | None:
    """The standby lets in whom the primary lets in.

    Bring its pg_hba.conf, ssl and certificate to what the primary has, or know why not: clients
    meet them then.
    """
    primary, standby = now.closely(now.primary.node), now.closely(now.standby.node)
    lacking = [rule for rule in dict.fromkeys(primary.let_in) if rule not in standby.let_in]
    told = []
    if lacking:
        more = f" and {len(lacking) - _MOST} more" if len(lacking) > _MOST else ""
        told.append(f"pg_hba.conf of {now.standby.node} lacks {'; '.join(lacking[:_MOST])}{more}")
    here, there = (have.get("ssl") for have in _settings(now))
    if (here, there) == ("on", "off"):
        told.append(f"ssl is off on {now.standby.node}: whoever insists on it cannot connect")
    if expired := now.host(now.standby.node).expired:
        told.append(
            f"the certificate of {now.standby.node} ends {expired}: whoever verifies it cannot "
            "connect then"
        )
    return "; ".join(told) or None


@check(value=lambda now: plural(len(_collations(now)), "database"))
def both_nodes_sort_alike(now: Snapshot) -> str | None:
    """Both nodes sort text alike: the databases' collations have the same versions.

    Bring both nodes to the same system libraries (glibc, ICU): indexes on text that were made under
    another order find rows no more, and let a unique key in twice, as soon as the standby is read.
    A switchover to it all the same is consented to as `sorted otherwise`; then reindex.
    """
    told = [
        f"{name}: {a} on {now.primary.node}, {b} on {now.standby.node}"
        for name, a, b in _collations(now)
        if a != b
    ]
    return "; ".join(told) or None


def _collations(now: Snapshot) -> list[tuple[str, str, str]]:
    """Each database with the version on the primary and on the standby."""
    here, there = (_versions(now, seen.node) for seen in (now.primary, now.standby))
    return [(name, version, there.get(name, version)) for name, version in sorted(here.items())]


def _versions(now: Snapshot, node: str) -> dict[str, str]:
    libc = now.host(node).libc
    found = now.closely(node).collations
    return {name: version.replace("of its libc", libc) for name, version in found.items()}


@check(
    level="warning",
    value=lambda now: "it would" if _archives(_settings(now)[1]) else "it would not",
)
def wal_would_be_archived_on_the_standby(now: Snapshot) -> str | None:
    """The standby would archive WAL, once it is primary, if the primary does.

    Set archive_mode and archive_command there as on the primary (archive_mode takes a restart):
    else the archive ends with the move, and no backup goes on from there.
    """
    here, there = map(_archives, _settings(now))
    if here and not there:
        return f"{now.primary.node} archives its WAL, and {now.standby.node} would not"
    return None


def _archives(settings: dict[str, str]) -> bool:
    """Whether a server with these settings archives as a primary."""
    by = settings.get("archive_command") or settings.get("archive_library")
    return settings.get("archive_mode", "off") != "off" and bool(by)
