"""One static index.html of all runs.

It needs no server, no network and no script, though a little script helps.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from ...model.show import plural
from .entries import Entry
from .figures import Figures
from .outages import measured_outage, outage, was_over
from .rendering import render_page
from .report import REPORT
from .small_charts import SHAPES, Figure
from .trend_charts import Spot, lag_charts, size_charts, trend
from .trends import PERIODS, trends_of
from .words import changes, finite, mark, minute, pairs_of, seconds_of, tone, took

INDEX = "index.html"
_NEWEST = 200  # runs on the first page; the others have one by month
_COLUMNS = (
    ("began", "Began (UTC)", ""),
    ("run", "Run", ""),
    ("notebook", "Notebook", ""),
    ("pair", "Pair", ""),
    ("outcome", "Outcome", ""),
    ("changed", "Changed", ""),
    ("outage", "Outage", "n"),
    ("took", "Took", "n"),
    ("operator", "Who", ""),
    ("reason", "Why", ""),
)
_TEXTS = ("notebook", "pair", "outcome", "operator", "ticket", "reason")
_LEGEND = (
    ("ok", "well"),
    ("calm", "rehearsed, or not ended"),
    ("warning", "warning, refused or left"),
    ("critical", "critical or failed"),
    ("unknown", "unknown"),
)


@dataclass(frozen=True)
class PageRow:
    """A record as the page shows it: every field is text but those that are drawn."""

    run: str
    link: str
    began: str
    notebook: str
    pair: str
    outcome: str
    mark: str
    tone: str
    changed: str
    changes: str
    outage: str
    took: str
    operator: str
    ticket: str
    reason: str
    why: str
    seal: str
    outage_seconds: float | str
    runbook_seconds: float | str
    canary_seconds: float | str
    seconds: float | str


def pages(entries: Sequence[Entry], figures: Sequence[Figures] = ()) -> Iterator[tuple[str, str]]:
    """Name and text of every page of these records, which come the newest first, and of which
    `figures` tells.

    They are to lie beside the records' folders, as their links are relative. Of many runs the first
    page shows the newest, and links to one page for each month.
    """
    rows = [_row(entry) for entry in entries]
    months: dict[str, list[PageRow]] = {}
    for row in rows[_NEWEST:] and rows:
        months.setdefault(row.began[:7] or "undated", []).append(row)
    links = [(f"index-{month}.html", month, len(of)) for month, of in months.items()]
    yield INDEX, _page(rows, rows[:_NEWEST], links, figures=figures)
    for (name, month, _), of in zip(links, months.values(), strict=True):
        yield name, _page(of, of, [(INDEX, "the newest runs", min(len(rows), _NEWEST))], month)


def page(entries: Iterable[Entry]) -> str:
    """One page of all these records, in the order given."""
    rows = [_row(entry) for entry in entries]
    return _page(rows, rows)


def _page(
    rows: Sequence[PageRow],
    shown: Sequence[PageRow],
    links: Sequence[tuple[str, str, int]] = (),
    month: str = "",
    figures: Sequence[Figures] = (),
) -> str:
    """The page of `rows`, of which the table has those that are `shown`."""
    script = render_page("script.html.j2").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    names = ("pair", "Pair"), ("notebook", "Notebook"), ("outcome", "Outcome")
    drawn, runs = {row.tone for row in rows}, trends_of(figures).runs
    told = ""
    if rows:
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
        journals = plural(len(rows), "journal")
        told = f"Made {now} from {journals}, the newest of {rows[0].began}."
    return render_page(
        "page.html.j2",
        rows=shown,
        links=links,
        month=month,
        columns=_COLUMNS,
        pairs=_distinct(rows, "pair"),
        choices=[(name, words, _distinct(shown, name)) for name, words in names],
        latest=_latest(rows),
        summary=_summary(rows),
        figures=_figures(rows),
        lags=list(lag_charts(runs)),
        sizes=list(size_charts(runs)),
        legend=[(kind, words, SHAPES[kind]) for kind, words in _LEGEND if kind in drawn],
        calm=SHAPES["calm"],
        most=PERIODS,
        cut=len(rows) > PERIODS,
        told=told,
        script=script,
        digest=digest,
    )


def _row(entry: Entry) -> PageRow:
    told = entry.told
    by_runbook = finite(told.get("outage_seconds"))
    by_canary = finite(pairs_of(told.get("outage_as_seen")).get("seconds"))
    seconds = seconds_of(told) if entry.legible else None
    texts = {key: str(told.get(key) or "") for key in _TEXTS}
    chain = pairs_of(told.get("chain")).get("number")
    seal = [] if chain is None else [f"change {chain}"]
    if not entry.sealed and entry.state == "ended":  # said where it is missing: nearly all are
        seal.append("not sealed")
    changed = ""
    if "changed" in told:
        changed = "yes" if told["changed"] else "no"
    return PageRow(
        **texts,
        run=entry.id,
        link=quote(f"{entry.folder.name}/{REPORT}") if (entry.folder / REPORT).is_file() else "",
        began=minute(told["began"]),
        mark=mark(told),
        tone=tone(told),
        changed=changed,
        changes=changes(told) if entry.legible else "",
        outage=outage(told),
        took=took(seconds),
        why=entry.why,
        seal=", ".join(seal),
        outage_seconds=_drawn(measured_outage(told)[0]),
        runbook_seconds=_drawn(by_runbook if was_over(told) else None),
        canary_seconds=_drawn(by_canary),
        seconds=_drawn(seconds),
    )


def _drawn(seconds: float | None) -> float | str:
    return "" if seconds is None else seconds


def _distinct(rows: Sequence[PageRow], name: str) -> list[str]:
    return sorted({str(getattr(row, name)) for row in rows} - {""})


def _summary(rows: Sequence[PageRow]) -> str:
    changed = sum(row.changed == "yes" for row in rows)
    bad = sum(row.tone in ("critical", "unknown") for row in rows)
    runs = plural(len(rows), "run")
    return (
        f"{runs}, {changed} of them changed something; "
        f"{bad or 'none'} critical, failed, unknown or unreadable."
    )


def _latest(rows: Sequence[PageRow]) -> list[PageRow]:
    """The newest run of each notebook on each pair: the answer to how things stand."""
    found: dict[tuple[str, str], PageRow] = {}
    begun = (row for row in rows if row.outcome != "not begun")
    for row in sorted(begun, key=lambda row: row.began, reverse=True):
        found.setdefault((row.pair, row.notebook), row)
    return [found[key] for key in sorted(found) if key[1]]


def _figures(rows: Sequence[PageRow]) -> list[Figure]:
    """The trend of outages, and of the duration of each notebook."""
    oldest = sorted(rows, key=lambda row: row.began)
    drawn = []
    for title, name in (
        ("Time without a primary", "runbook"),
        ("Time without a commit, by the canary", "canary"),
    ):
        values = [(row, getattr(row, f"{name}_seconds")) for row in oldest]
        outages = [(row, float(value)) for row, value in values if value != ""]
        if outages:
            drawn.append(trend(title, _spots(outages)))
    for notebook in _distinct(rows, "notebook"):
        ended = [row for row in oldest if row.notebook == notebook and row.seconds != ""]
        if ended:
            lasted = [(row, float(row.seconds)) for row in ended]
            drawn.append(trend(f"Duration of {notebook}", _spots(lasted)))
    return drawn


def _spots(values: Sequence[tuple[PageRow, float]]) -> list[Spot]:
    """The newest of them; a clock may have been set back."""
    spots = []
    for row, value in values[-PERIODS:]:
        words = f"{row.notebook} {row.run}, {row.began}: {row.outcome}"
        spots.append(Spot(row.began, row.tone, words, max(value, 0.0)))
    return spots
