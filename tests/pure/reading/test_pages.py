"""Pages that load nothing and run nobody's script."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from pgha_helpers.records.reading.compare import compare
from pgha_helpers.records.reading.comparison_page import comparison_page
from pgha_helpers.records.reading.entries import Entry, entries
from pgha_helpers.records.reading.page import page

from .made_up import HOSTILE, an_archive, two_runs, write_run
from .seen import stands_alone


def test_the_page_of_runs_stands_alone_and_links_to_the_reports(tmp_path: Path) -> None:
    folder = write_run(
        an_archive(tmp_path), "0c000006", pair="a pair, #1 & <b>", reason=HOSTILE, operator=HOSTILE
    )
    (folder / "report.html").touch()
    html = page(entries(tmp_path))
    seen = stands_alone(html)
    assert seen.links == [
        "20261122T101010Z-a%20pair%2C%20%231%20%26%20%3Cb%3E-verify-0c000006/report.html"
    ]
    assert seen.tags.count("script") == 1 and "evil" not in seen.script
    digest = base64.b64encode(hashlib.sha256(seen.script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in seen.metas["Content-Security-Policy"]
    for name in ("text", "notebook", "outcome", "pair", "from", "to"):
        assert f'id="filter-{name}"' in html
    assert 'id="records"' in html and 'id="count"' in html and html.count('class="record"') == 6
    assert "http://" not in html and html.count("https://") == 2, "the two are the hostile words"
    assert "Zoë 名" in html and "\x1b" not in html


def test_the_trend_of_outages_and_durations_has_units_and_shapes(tmp_path: Path) -> None:
    html = page(entries(an_archive(tmp_path)))
    drawn = re.findall(r'<svg class="figure".*?</svg>', html, re.DOTALL)
    assert len(drawn) == 3 and "Time without a primary; across: day of the run; up: ms" in drawn[0]
    assert re.findall(r'class="mark (\w+)"', drawn[0]) == ["ok", "critical"]
    assert len(set(re.findall(r'class="mark \w+" transform="[^"]*" d="([^"]*)"', drawn[0]))) == 2
    assert "promote 0b000004, 2026-11-22 08:00:00Z: failed, 64 ms" in drawn[0]


def test_the_page_of_no_runs_says_so() -> None:
    assert "There is no record here yet" in page([])


def test_the_comparison_page_stands_alone_with_both_curves(tmp_path: Path) -> None:
    a, b = two_runs(tmp_path)
    b = Entry(b.folder, {**b.told, "reason": HOSTILE, "operator": HOSTILE}, False, "ended")
    html = comparison_page(compare(a, b))
    seen = stands_alone(html)
    assert "script" not in seen.tags and seen.links == []
    drawn = re.findall(r'<svg class="figure".*?</svg>', html, re.DOTALL)
    assert [svg.count('class="line run-') for svg in drawn] == [2, 2]
    assert (
        "up: kB" in drawn[0]
        and "s since each run&#39;s first sample" in drawn[0]
        and "up: ms" in drawn[1]
    )
    assert "stroke-dasharray" in html
