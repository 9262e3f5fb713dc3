"""What earlier runs have left on both nodes, and how to let it go."""

from __future__ import annotations

from dataclasses import replace

from ..judgement.checks import AFTER, judge
from ..judgement.plans.leftovers import age_of, held_back, how_to_remove, size_of, unused_slots
from ..model import SetAside, Snapshot
from ..model.errors import HaError
from ..model.show import Table
from ..run.run import Run
from .set_aside import read_all_set_aside, with_use
from .wal.only_copies import only_copies


def left_over(run: Run, now: Snapshot) -> Table:
    """What earlier runs have left on both nodes, and how to let it go.

    Unused slots, directories renamed aside.
    """
    rows: list[tuple[str, str, str, str]] = []
    for seen, slot in unused_slots(now):
        how = f"rebuild with drop_slots={slot.name}"
        rows.append((seen.node, f"slot {slot.name}", held_back(seen, slot), how))
    for kept in judge_kept(run, now, read_all_set_aside(run)):
        what = f"{kept.holds}, {size_of(kept)}, for {age_of(kept)}"
        rows.append((kept.node, kept.path, what, how_to_remove(kept)))
    return Table(
        ("left over on", "what", "how much", "to let it go"), rows or [("none", "", "", "")]
    )


def judge_kept(run: Run, now: Snapshot, found: tuple[SetAside, ...]) -> tuple[SetAside, ...]:
    """Each again, with whether it may be removed.

    Not while something uses it, nor while it may hold the only copy of a commit, and nothing at all
    before the pair is whole.
    """
    if not found or not _whole(now):
        return found
    try:
        alone = only_copies(run, now, found)
        return tuple(_judged(run, kept, alone[kept]) for kept in found)
    except HaError as silence:
        return tuple(replace(kept, stays=silence.what) for kept in found)


def _judged(run: Run, kept: SetAside, only_copy: str) -> SetAside:
    if only_copy:
        return replace(kept, stays=f"it may hold the only copy of a commit: {only_copy}")
    return with_use(run.doors[kept.node], kept)


def _whole(now: Snapshot) -> bool:
    return all(verdict.level == "warning" for verdict in judge(AFTER, now).against)
