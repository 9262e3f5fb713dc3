"""Every method, whether it is possible, what it would cost, and which one is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ....model import Blank, Hung, Running, Snapshot, dialect
from ....model.sightings import disk_of
from ..copying import some, why_not_copy, why_not_overwritten, why_not_rewound, why_not_worked_on
from ..plan import Option
from .evidence import Evidence, Rewinding
from .history import Loser, fork_of, timeline_of, why_another, why_not_follow

#: Seconds that a method takes whatever the size: processes, checkpoints, the start of the server.
_FIXED = {"follow": 1.0, "rewind": 2.0, "rsync": 1.5, "clone": 1.0}

#: From what keeps the old directory untouched to what overwrites it.
GENTLE = ("follow", "clone", "rsync", "rewind")

#: Bytes: what a rewind saves begins and ends with whole segments.
_WHOLE = 32 * 1024 * 1024

#: Kinds of plans that keep the old directory whole.
KEEP_THE_OLD = ("clone", "rsync beside")

#: Estimates are no better than this: within it, what destroys less is preferred.
_CLOSE = 1.2


def options(now: Snapshot, loser: Loser, evidence: Evidence) -> tuple[Option, ...]:
    """Follow, rewind, rsync and clone, none of them chosen yet."""
    return (
        Option(
            "follow",
            why_not_follow(now, loser, evidence) or _cut_off(loser) or _not_worked_on(evidence),
            0,
            _FIXED["follow"],
        ),
        _rewind(now, loser, evidence),
        _rsync(now, loser, evidence),
        _clone(evidence),
    )


def unknown(now: Snapshot, loser: Loser, evidence: Evidence) -> str:
    """Why it is not known to the last record what only this node has, so that nothing of it may be
    overwritten.

    Empty where it is known: by its WAL, or because nothing in the directory is the node's own. One
    that takes writes is looked at again once it has stopped.
    """
    left, disk = evidence.left, loser.disk
    if evidence.nothing or (disk and disk.half) or why_not_follow(now, loser, evidence) is None:
        return ""
    if left is None:
        return (
            f"what only {loser.node} has is not "
            f"known{f', because {disk.no_wal}' if disk and disk.no_wal else ''}"
        )
    writes = isinstance(loser, Running) and loser.writable
    if left.unread and not writes:
        return f"not all that only {loser.node} has is known: {left.unread[0]}"
    return ""


def choose(found: Sequence[Option], method: str = "") -> tuple[Option, ...]:
    """The same options with one chosen: the one asked for; else follow; else the cheapest that is
    possible.

    Of two whose estimates are close the one that destroys less is chosen; one of unknown cost never
    before another. A node that can follow is not rewound: it may be one that was, by a run that
    died before it could start it.
    """
    possible = [option for option in found if not option.why_not]
    if method == "rewind" and possible and possible[0].method == "follow":
        method = "follow"
    named = next((option for option in found if option.method == method), None)
    best = named or _best(possible)
    return tuple(replace(option, chosen=option == best) for option in found)


def _best(possible: Sequence[Option]) -> Option | None:
    if possible and possible[0].method == "follow":
        return possible[0]
    known = [option for option in possible if option.seconds is not None]
    least = min((option.seconds or 0 for option in known), default=0)
    close = [option for option in known or possible if (option.seconds or 0) <= least * _CLOSE]
    return min(close, key=lambda option: GENTLE.index(option.method), default=None)


def _rewind(now: Snapshot, loser: Loser, evidence: Evidence) -> Option:
    asked, weights = evidence.rewinding, evidence.weights
    reasons = _why_not_rewind(now, loser, evidence)
    if asked is None or asked.checkpoint is None:
        return Option("rewind", "; ".join(reasons))
    moved = weights.source_wal + weights.diverged
    seconds = _FIXED["rewind"] + moved / evidence.rates.rewind
    return Option("rewind", "; ".join(reasons), moved, seconds, _needs(now, asked))


def _why_not_rewind(now: Snapshot, loser: Loser, evidence: Evidence) -> list[str]:
    if isinstance(loser, Blank | Hung):
        return [str(loser)]
    timeline, primary = timeline_of(loser, evidence), now.primary
    fork = fork_of(now, loser, timeline)
    if why_not_follow(now, loser, evidence) is None:
        return ["nothing lies beyond the fork: it can follow"]
    if timeline == primary.timeline:
        return [
            f"both are on timeline {timeline}, with different histories: pg_rewind compares "
            "timeline numbers only, and would leave in place what has diverged"
        ]
    if fork is None or evidence.last is None:
        return [why_not_follow(now, loser, evidence) or ""]
    if other := why_another(evidence, primary.node) if evidence.agree is not False else None:
        return [other]
    if unread := unknown(now, loser, evidence):
        return [f"it would overwrite what may be the only copy: {unread}"]
    if evidence.rewinding is None:
        return ["the node could not be looked into"]
    saved, wal, copying = (
        evidence.weights.diverged + _WHOLE,
        evidence.weights.new_wal,
        evidence.copying,
    )
    return [
        *_lacking(primary, evidence.rewinding),
        *(why_not_rewound(copying, saved, wal) if copying else ()),
    ]


def _lacking(primary: Running, asked: Rewinding) -> list[str]:
    """What a rewind needs and does not find, every reason at once."""
    major = primary.major
    # else it finds no restore_command
    told = dialect.has("rewind_config_file", major) or not asked.config_outside
    archive = asked.restore_command if told and dialect.has("restore_target_wal", major) else ""
    found = [
        ("pg_rewind is not installed on it", not asked.program),
        (f"pg_rewind is of another version: {asked.another}", asked.another),
        ("neither checksums nor wal_log_hints were on", asked.program and not asked.hints),
        (
            "its data directory has what PostgreSQL's user cannot overwrite: "
            f"{some(asked.strangers)}",
            asked.strangers,
        ),
        (
            f"{primary.node} has what PostgreSQL's user cannot read: {some(asked.unreadable)}",
            asked.unreadable,
        ),
        (
            f"its WAL from before the fork is missing: {some(asked.missing)}",
            asked.missing and not archive,
        ),
        (
            "no checkpoint is left in its WAL from before the fork",
            asked.checkpoint is None and not asked.missing,
        ),
        (
            f"{primary.node} has removed WAL that is needed: {some(asked.source_missing)}",
            asked.source_missing,
        ),
        (
            f"it has no place for tablespaces of {primary.node}: {some(asked.tablespaces)}",
            asked.tablespaces,
        ),
        (f"it cannot read the files of {primary.node} over SQL: {asked.source}", asked.source),
        ("only a superuser may be rewound from, up to 10", not dialect.has("file_grants", major)),
    ]
    return [words for words, so in found if so]


def _needs(now: Snapshot, asked: Rewinding) -> tuple[str, ...]:
    """What a rewind stands on, and what will be done for it."""
    user, outside = now.pair.replication_user, "configuration outside the data directory"
    there = ": present"
    if asked.missing:
        there = f", of which restore_command must give {some(asked.missing)}"
    needs = [f"WAL from the common checkpoint at {asked.checkpoint}{there}"]
    if not asked.granted:
        needs.append(f"four functions to be granted to {user}, who may copy every file already")
    if not asked.clean:
        needs.append("crash recovery first, by ourselves")
    if asked.config_outside:
        known = dialect.has("rewind_config_file", now.primary.major)
        needs.append(f"{outside} ({'--config-file' if known else 'not asked for'})")
    return tuple(needs)


def _rsync(now: Snapshot, loser: Loser, evidence: Evidence) -> Option:
    """In the old directory where all that only the node has is known, and kept; else beside it."""
    if evidence.rsync:
        return Option("rsync", evidence.rsync)
    weights, rates = evidence.weights, evidence.rates
    road = (f"rsync on both nodes: {evidence.road}",) if evidence.road else ()
    # without a history all may differ
    moved = weights.diverged if evidence.last is not None else weights.database
    seconds = _FIXED["rsync"] + weights.database / rates.rsync + moved / rates.clone
    unread, copying = unknown(now, loser, evidence), evidence.copying
    if not unread:
        why_not = "; ".join(why_not_overwritten(copying)) if copying else ""
        return Option("rsync", why_not, moved, seconds, road)
    seconds += (weights.database - moved) / rates.clone  # what is alike is copied, too
    needs = (*road, f"room for a copy beside: {unread}")
    why_not = "; ".join(why_not_copy(copying)) if copying else ""
    return Option("rsync", why_not, moved, seconds, needs, beside=True)


def _clone(evidence: Evidence) -> Option:
    size, rates, copying = evidence.weights.database, evidence.rates, evidence.copying
    why_not = ""
    if copying:
        lacking = (copying.lacking,) if copying.lacking and not copying.begun else ()
        why_not = "; ".join((*lacking, *why_not_copy(copying)))
    if copying and copying.begun:
        return Option("clone", why_not, 0, _FIXED["clone"])
    needs = (f"room for a copy beside{': it is there' if copying and not why_not else ''}",)
    if not size:
        return Option("clone", why_not, needs=needs)
    return Option("clone", why_not, size, _FIXED["clone"] + size / rates.clone, needs)


def _cut_off(loser: Loser) -> str:
    disk = disk_of(loser)
    if disk is None or disk.control is None or not disk.control.backup_was_cut_off:
        return ""
    return "it was started from a backup that was cut off, and as a standby would not come up"


def _not_worked_on(evidence: Evidence) -> str:
    return "; ".join(why_not_worked_on(evidence.copying)) if evidence.copying else ""
