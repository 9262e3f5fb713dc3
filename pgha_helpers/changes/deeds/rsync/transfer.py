"""One rsync on the target node, pulling from the source: attended, its complaints in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....facts.rsync import RsyncRoad
from ....model.errors import NotAchieved
from ....model.rsync import Moved, progress, with_statistic
from ....run.run import Run
from ....wire.attended import attend
from ....wire.doors import Door
from ..flushing import flushing

#: Files that vanish while a running server is copied are no error: WAL replay makes good for them.
_VANISHED = 24
_TRIES = 3

#: Not among them: times. Nothing in a data directory depends on them, and nothing may lean on them
#: later.
_OPTIONS = ("-r", "-l", "-p", "--delete", "--no-h", "--info=progress2", "--stats")
_NOISE = (
    "Number of ",
    "Total ",
    "Matched data",
    "File list ",
    "sent ",
    "total size ",
    "created directory ",
)


def transfer(
    run: Run,
    door: Door,
    road: RsyncRoad,
    paths: tuple[str, str],
    options: Sequence[str] = (),
    at: Callable[[int], object] = lambda done: None,
) -> Moved:
    """Make the second of `paths` (directories) like the first, a path of the source.

    `at` is told the bytes done. Raises NotAchieved.
    """
    argv = [
        "rsync",
        *_OPTIONS,
        *road.options,
        *options,
        "--",
        road.to(f"{paths[0]}/"),
        f"{paths[1]}/",
    ]
    for _ in range(_TRIES):
        heard = _Heard(at)
        status = attend(door, flushing(paths[1], argv), heard, run.timeouts.clone)
        if status in (0, _VANISHED):
            return heard.moved
        # a file that changed while its blocks were matched, twice: another round finds it at rest,
        # or nearly so
        if status != 23 or not all(
            "failed verification" in line or "(code 23)" in line for line in heard.said
        ):
            break
    raise NotAchieved(
        f"rsync on {door.node.name} ended with status {status}: "
        f"{'; '.join(heard.said[-3:]) or 'no words'}",
        "mend the cause and run this notebook again: it goes on from what was copied",
    )


class _Heard:
    """Takes rsync's lines: tells how far it is, sums the statistics, keeps the complaints."""

    def __init__(self, at: Callable[[int], object]) -> None:
        self._at = at
        self.moved = Moved()
        self.said: list[str] = []

    def __call__(self, line: str) -> None:
        done = progress(line)
        if done is not None:
            self._at(done)
        elif moved := with_statistic(self.moved, line):
            self.moved = moved
        elif not line.startswith(_NOISE):
            self.said.append(line)
