"""Where a canary's acknowledged rows are: on which node, lost, or only not replayed yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ...judgement.checks import Check, check
from ...model import Snapshot
from ...model.errors import HaError, NotSeen
from ...model.show import plural
from ...run.run import Run
from .attempts import Attempts, spans_of
from .table import canary_rows

_ROLE = """
select pg_is_in_recovery() as recovers,
       exists (select from pg_stat_wal_receiver where status = 'streaming') as fed
"""


@dataclass
class RowsFound:
    """What each node was found to have of the acknowledged rows, by its name."""

    words: dict[str, str] = field(default_factory=dict)  # for a person
    lost: dict[str, list[int]] = field(default_factory=dict)  # the primary does not have them
    behind: dict[str, list[int]] = field(default_factory=dict)  # a standby lacks what it has
    primary: str = ""  # the node that takes writes

    def look(self, run: Run, wanted: frozenset[int], patience: float) -> None:
        """Look on each node: the primary first, and then what a standby may still replay.

        A standby that streams is given `patience` seconds.
        """
        roles = self._roles(run)
        gone: frozenset[int] = frozenset()
        for name in sorted(roles, key=lambda name: roles[name]):
            recovering, streams = roles[name]
            if not recovering:
                self.primary = name
            try:
                missing = _missing(run, name, wanted, gone, patience if streams else 0.0)
            except HaError as why:
                self.words[name] = f"not seen: {why.what}"
                continue
            if not recovering:
                gone = missing
            self._found(name, len(wanted), missing, gone, roles[name])

    def _roles(self, run: Run) -> dict[str, tuple[bool, bool]]:
        """Of each node that answers: whether it is in recovery, and whether it streams."""
        roles = {}
        for name in run.pair.names:
            try:
                row = run.doors[name].sql.read(_ROLE)[0]
            except HaError as why:
                self.words[name] = f"not seen: {why.what}"
                continue
            roles[name] = row["recovers"], row["fed"]
        return roles

    def _found(
        self,
        name: str,
        wanted: int,
        missing: frozenset[int],
        gone: frozenset[int],
        role: tuple[bool, bool],
    ) -> None:
        """Note what one node lacks; what is `gone` the primary does not have either."""
        recovering, streams = role
        behind = missing - gone
        if not missing:
            self.words[name] = f"all {wanted}"
        elif recovering:
            self.words[name] = f"{len(missing)} not there: {_why_not_there(behind, streams)}"
        else:  # only what the primary lacks is lost
            self.lost[name] = sorted(missing)
            self.words[name] = f"✗ {len(missing)} LOST: {spans_of(missing)}"
        if recovering and streams and behind:
            self.behind[name] = sorted(behind)


def _missing(
    run: Run, name: str, wanted: frozenset[int], gone: frozenset[int], patience: float
) -> frozenset[int]:
    """The rows that a node does not have.

    Those that are not gone for good are waited for.
    """
    deadline = time.monotonic() + patience
    while True:
        missing = wanted - canary_rows(run.doors[name].sql, run.id)
        if missing <= gone or time.monotonic() >= deadline:
            return missing
        time.sleep(0.05)


def _why_not_there(behind: frozenset[int], streams: bool) -> str:
    """Why a standby lacks rows, `behind` of which the primary has."""
    if not behind:
        return "the primary has lost them"
    return "it has not replayed them" if streams else "it does not stream"


def every_row_is_there(run_id: str, seen: Attempts, rows: RowsFound) -> Check:
    """The check that the primary has every acknowledged row."""
    count = len(seen.acknowledged)

    def why_not(_: Snapshot) -> str | None:
        """Every row that the canary was told is committed is there.

        Stop whatever would overwrite the old primary's disk: it may hold the only copy of these
        commits.
        """
        if not rows.primary:
            raise NotSeen("no node is writable, so nobody can tell")
        if not count:
            raise NotSeen(f"the canary got no row in; it ended because: {seen.ended}")
        told = []
        for name, missing in rows.lost.items():
            told.append(f"{name} lacks {spans_of(missing)} of run {run_id}")
        if not told:
            return None
        return f"ACKNOWLEDGED ROWS ARE LOST: {'; '.join(told)}"

    return check(value=lambda _: plural(count, "row"))(why_not)


def every_row_is_replayed(run_id: str, rows: RowsFound) -> Check:
    """The check that a standby that streams has every row that the primary has."""

    def why_not(_: Snapshot) -> str | None:
        """The standby has replayed every row that the canary was told is committed.

        Nothing is lost by that: the primary has them. Run verify: it says what holds the
        replay.
        """
        told = []
        for name, missing in rows.behind.items():
            told.append(f"{name} has not replayed {spans_of(missing)}")
        if not told:
            return None
        primary = rows.primary or "the primary"
        return f"{'; '.join(told)} of run {run_id}; {primary} has them"

    def where(_: Snapshot) -> str:
        return "; ".join(f"{name}: {words}" for name, words in rows.words.items())

    return check(value=where)(why_not)
