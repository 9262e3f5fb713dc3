"""How a pair develops, as verify shows it: a table of all its records, and a small chart."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ..facts.pictures import BLUE, INK, ORANGE, QUIET, dress, image, panels, png
from ..facts.queries import query
from ..model import Snapshot, frontend
from ..model.errors import HaError, NotSeen
from ..model.show import present
from ..records.reading.figures import figures_of
from ..records.reading.small_charts import Axis, in_bytes, in_seconds
from ..records.reading.trends import Period, lag_periods, trends_of
from ..run.events import SIZED
from ..run.run import Run

_LINES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("most", "most", {"color": QUIET, "linewidth": 0, "marker": "o", "ms": 3.5}),
    ("p99", "99 of 100", {"color": QUIET, "linewidth": 1.2, "linestyle": ":"}),
    ("p95", "95 of 100", {"color": ORANGE, "linewidth": 1.4, "linestyle": "--"}),
    ("median", "median", {"color": BLUE, "linewidth": 2.4}),
)
_FEW = 3  # points make no chart


def trends(run: Run, now: Snapshot) -> object:
    """Lag, outages, durations and sizes over all records of this pair, with a chart of the lag.

    It first asks how large the databases and the WAL of the primary are, for the record. A light
    run leaves all of it out.
    """
    if run.parameters.get("light"):
        return None
    _measure(run, now)
    found = trends_of(figures_of(run.folder.parent, run.pair.name))
    for unit, scale in (("seconds", in_seconds), ("bytes", in_bytes)):
        what, told = lag_periods(found.runs, unit)
        if frontend.shell() and len(told) >= _FEW and any(one.spread.most for one in told):
            present(found)
            return _drawn(what, told, scale(one.spread.most for one in told))
    return found


def _measure(run: Run, now: Snapshot) -> None:
    """What cannot be asked is left out: a role may not look into every database."""
    with suppress(NotSeen):
        node = now.primary.node
        found = {"databases": _asked(run, node, "size"), "wal": _asked(run, node, "wal size")}
        run.journal.write(SIZED, node=node, **found)


def _asked(run: Run, node: str, name: str) -> int | None:
    with suppress(HaError):
        return int(run.doors[node].sql.read(query(name))[0]["size"])
    return None


def _drawn(what: str, told: list[Period], axis: Axis) -> Any:
    return image(png(lambda width: _figure(width, what, told, axis)))


def _figure(width: float, what: str, told: list[Period], axis: Axis) -> Any:
    figure, (axes,) = panels(width, [1.5])
    for share, label, look in _LINES:
        values = [getattr(one.spread, share) / axis.factor for one in told]
        axes.plot(range(len(told)), values, label=label, **look)
    axes.set_ylim(0, axis.highest)
    axes.set_ylabel(axis.unit, color=INK)
    axes.set_xticks([0, len(told) - 1], [told[0].name, told[-1].name])
    sides: tuple[Any, ...] = ("left", "right")
    for tick, side in zip(axes.get_xticklabels(), sides, strict=True):
        tick.set_horizontalalignment(side)
    axes.set_title(f"Lag, by {what}", loc="left", color=INK, fontsize=10)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, labelcolor=INK)
    dress(axes)
    return figure
