"""report.html: one record on one page that stands alone.

For an auditor, for paper, and for a phone at night.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...facts.pictures import phone_name
from ...model.show import utc
from . import words
from .executed import executed
from .head import facts
from .outages import as_seen, length, measured_outage, without_primary
from .ready import could_we
from .rendering import render_page
from .verdicts import judgements
from .words import JsonObject, finite, listed, pairs_of, took

LAG, CANARY, THROUGHPUT = "lag.svg", "canary.svg", "throughput.svg"
REPORT = "report.html"


@dataclass(frozen=True)
class Done:
    """A deed as the page shows it.

    `start` and `width` are percent of the time from the first deed to the last.
    """

    when: str
    node: str
    did: str
    changed: str
    took: str
    error: str
    start: float
    width: float


def report(folder: Path, told: Mapping[str, Any], check_by_hand: str) -> str:
    """The page of one record.

    It loads nothing and runs nothing, and says so to the browser, too.
    """
    notebook, without = executed(folder)
    deeds = _deeds(told)
    return render_page(
        "report.html.j2",
        told=told,
        facts=list(_facts(told)),
        doubts=words.doubts(told),
        error=str(told.get("error") or ""),
        outage=without_primary(told),
        failover=took(told.get("failover_seconds")),
        lead=_lead(told),
        as_seen=as_seen(told),
        topology=[_moved(told, node) for node in words.nodes_of(told)],
        judgements=list(judgements(told)),
        ready=list(could_we(told)),
        deeds=deeds,
        parameters=[(key, str(value)) for key, value in pairs_of(told.get("parameters")).items()],
        day=words.minute(told.get("began"))[:10],
        lag=_pictures(folder / LAG),
        canary=_pictures(folder / CANARY),
        throughput=_pictures(folder / THROUGHPUT),
        notebook=notebook,
        without=without,
        cells=[
            f"{one.get('cell')} at {str(one.get('at'))[11:19]}" for one in listed(told.get("cells"))
        ],
        check_by_hand=check_by_hand,
    )


def _moved(told: JsonObject, node: str) -> tuple[str, str, str, bool]:
    """A node, what it was before and after the run, and whether that is something else."""
    moved = words.role(told, "before", node) != words.role(told, "after", node)
    before, after = words.seen(told, "before", node), words.seen(told, "after", node)
    return node, before, after, moved


def _lead(told: JsonObject) -> str:
    seconds, by = measured_outage(told)
    what = "without a commit, as the canary saw it" if by == "canary" else "without a primary"
    return "" if seconds is None else f"{length(told)} {what}."


def _facts(told: JsonObject) -> Iterator[tuple[str, str, str]]:
    """Name, value and look of the facts of the head."""
    for fact in facts(told):
        if fact.long and (fact.value or fact.missing):
            yield fact.long, fact.value or fact.missing, fact.look


def _deeds(told: JsonObject) -> list[Done]:
    found = listed(told.get("deeds"))
    spans = [(words.begun(deed), finite(deed.get("seconds")) or 0.0) for deed in found]
    first = min((began for began, _ in spans if began is not None), default=0.0)
    last = max((began + lasted for began, lasted in spans if began is not None), default=0.0)
    whole = max(last - first, 1e-6)
    both = zip(found, spans, strict=True)
    return [_deed(deed, began, lasted, first, whole) for deed, (began, lasted) in both]


def _deed(deed: JsonObject, began: float | None, lasted: float, first: float, whole: float) -> Done:
    start = 0.0 if began is None else min(100 * (began - first) / whole, 99.4)
    width = 0.0 if began is None else max(100 * lasted / whole, 0.6)
    changed = "yes" if deed.get("changed") else "no"
    return Done(
        "" if began is None else utc(began)[11:],
        str(deed.get("node") or ""),
        str(deed.get("did") or ""),
        "unknown" if "error" in deed else changed,
        f"{lasted:.3f} s" if finite(deed.get("seconds")) is not None else "",
        str(deed.get("error") or ""),
        round(start, 2),
        round(min(width, 100 - start), 2),
    )


def _pictures(path: Path) -> tuple[str, str]:
    """A chart as data URIs, for a page and for a phone: inside an <img> an SVG can neither run a
    script nor load anything. A record of 0.2 and older has none for a phone.
    """
    return _uri(path), _uri(path.with_name(phone_name(path.name)))


def _uri(path: Path) -> str:
    try:
        return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return ""
