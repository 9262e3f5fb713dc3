"""The figure of lag: units, both lines, the outage as a band, who was what, and both themes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.facts import lag_chart as drawing
from pgha_helpers.facts.pictures import NARROW, pictures
from pgha_helpers.facts.sampler import said_by
from pgha_helpers.model import Deed, DeedKind
from pgha_helpers.model.lag_file import LagRow
from pgha_helpers.run.run import Run

from .made_runs import DEEDS, ROWS, run_in


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = run_in(tmp_path)
    yield made
    made.journal.close()


def test_the_words_of_a_late_deed_stand_within_the_chart(run: Run) -> None:
    words = "checkpoint: the control file is to show the new timeline"
    late = Deed("db1", DeedKind.CHECKPOINT, words, True, 1001.7, 1001.8)
    figure = drawing.lag_figure(run, ROWS, [*DEEDS, late])
    figure.canvas.draw()
    shown, strip = figure.axes[-1].texts[-1], figure.axes[-1]
    assert shown.get_text().startswith(" db1: checkpoint")
    assert shown.get_window_extent().x1 <= strip.get_window_extent().x1
    assert len(drawing.lag_figure(run, ROWS, [*DEEDS, late], NARROW).axes) == 3, "a phone has none"


def words_in(axes: Any) -> str:
    return " ".join(text.get_text() for text in axes.texts)


def test_units_are_as_in_the_pair_file(run: Run) -> None:
    sizes, spans, _ = drawing.lag_figure(run, ROWS).axes
    assert sizes.get_ylabel() == "lag (kB)" and words_in(sizes) == "limit 16MB"
    assert spans.get_ylabel() == "lag (ms)" and words_in(spans) == "limit 10s"
    for seen in (9, 40):
        close = [row._replace(primary_bytes=seen * 2.0**20) for row in ROWS]
        sizes = drawing.lag_figure(run, close).axes[0]
        limit = sizes.lines[-1].get_ydata()[0]
        assert (sizes.get_ylabel(), limit, words_in(sizes)) == ("lag (MB)", 16.0, "limit 16MB")
        assert sizes.get_ylim()[1] > 16, "and the line is in the picture"


def test_seconds_that_nobody_tells_are_no_line(run: Run) -> None:
    """As on 9.0, whose standby knows no times."""
    untold = [row._replace(primary_seconds=None, standby_seconds=None) for row in ROWS]
    sizes, spans, _ = drawing.lag_figure(run, untold).axes
    assert "nobody told" in words_in(spans) and "nobody" not in words_in(sizes)
    row = {"in_recovery": False, "ahead": "0/20", "replayed": "0/10", "seconds": None}
    assert said_by("db0", lambda: [row]) == ("db0", "primary", {"bytes": 16.0})


def test_both_lines_are_seen_at_zero_and_an_idle_pair_says_so(run: Run) -> None:
    idle = [row._replace(primary_bytes=0.0, standby_bytes=0.0) for row in ROWS]
    sizes, spans, _ = drawing.lag_figure(run, idle).axes
    below, above = sizes.lines
    assert below.get_linewidth() > 2 * above.get_linewidth()
    assert below.get_color() != above.get_color() and above.get_linestyle() == "--"
    assert "no lag seen in 20 answers" in words_in(sizes)
    assert "no lag seen" not in words_in(spans)
    assert sizes.get_ylim()[0] < 0, "a line at zero is no part of the frame"


def roles_of(figure: Any, place: int) -> list[tuple[float, float, str]]:
    """From when to when a node is what, as its row of the picture says."""
    axes = figure.axes[2]
    said = [(it.get_position(), it.get_text()) for it in axes.texts]
    words = {round(float(x), 3): text for (x, y), text in said if y == place}
    found = []
    for bar in axes.patches:
        box = bar.get_extents().transformed(axes.transData.inverted())
        if bar.get_linewidth() and round(box.y0 + box.height / 2) == place:
            ends = round(float(box.x0), 3), round(float(box.x1), 3)
            found.append((*ends, words.get(round(sum(ends) / 2, 3), "")))
    return found


def test_the_outage_is_a_band_and_the_roles_change_in_it(run: Run) -> None:
    """Nobody looked in it: before it db0 was primary, and after it first silent."""
    after = [
        *(LagRow(1001.0 + i / 10, primary="db1") for i in range(4)),
        *(LagRow(1001.4 + i / 10, 0.0, 0.0, 0.0, 0.0, "db1", "db0") for i in range(4)),
    ]
    figure = drawing.lag_figure(run, [*ROWS[:3], *after], DEEDS)
    assert roles_of(figure, 0) == [
        *((0.0, 0.5, "primary"), (1.0, 1.4, "silent"), (1.4, 1.7, "standby")),
    ]
    assert roles_of(figure, 1) == [(0.0, 0.5, "standby"), (1.0, 1.7, "primary")]
    assert "no primary for 400 ms" in words_in(figure.axes[0])
    for axes in figure.axes:
        band = [it for it in axes.patches if it.get_alpha() == 0.25][-1].get_extents()
        left, right = axes.transData.inverted().transform(band)[:, 0]
        assert (left, right) == pytest.approx((0.5, 0.9))
    at, values = figure.axes[0].lines[0].get_data()
    assert [round(x, 3) for x, y in zip(at, values, strict=True) if y != y] == [
        *(0.5, 1.0, 1.1, 1.2, 1.3),
    ], "no line leads through it, nor where nobody told"


def test_a_node_that_is_lost_is_drawn_as_silent(run: Run) -> None:
    lost = [LagRow(1000.0 + i / 5, None, 0.0, None, 0.0, "", "db1") for i in range(5)]
    figure = drawing.lag_figure(run, lost)
    assert roles_of(figure, 0) == [(0.0, 0.8, "silent")]
    assert "no lag seen by the standby alone\nin 5 answers" in words_in(figure.axes[0])
    silent = [*lost, *(LagRow(1001.0 + i / 5, primary="db1") for i in range(3))]
    promoted = Deed("db1", DeedKind.PROMOTE, "promote", True, 1000.85, 1000.95)
    stopped = Deed("db0", DeedKind.STOP_PRIMARY, "fence", True, 1000.3, 1000.5)
    figure = drawing.lag_figure(run, silent, [stopped, promoted])
    assert roles_of(figure, 0) == [(0.0, 1.4, "silent")], "an outage in which it was looked"
    assert roles_of(figure, 1) == [(0.0, 1.0, "standby"), (1.0, 1.4, "primary")]
    assert "nobody told" in words_in(drawing.lag_figure(run, [LagRow(1000.0)]).axes[0])


def test_a_gate_that_waited_for_a_night_does_not_hide_the_outage(run: Run) -> None:
    night = [row._replace(at=row.at - 30_000) for row in ROWS]
    figure = drawing.lag_figure(run, [*night, *ROWS], DEEDS)
    assert figure.axes[-1].get_xlim()[1] < 4
    assert "lag.csv has the samples before" in figure.axes[-1].get_xlabel()


def test_a_picture_is_read_on_white_and_on_dark(run: Run) -> None:
    drawn = pictures(lambda width: drawing.lag_figure(run, ROWS, DEEDS, width))
    for svg in (drawn.svg, drawn.phone):
        assert b"@media(prefers-color-scheme:dark)" in svg
        plain = set(re.findall(rb'style="[^"]*?(?:fill|stroke): (#[0-9a-f]{6})', svg))
        known = set(re.findall(rb"(?:fill|stroke): (#[0-9a-f]{6})\"\]", svg))
        assert plain <= known, "each colour has one for dark"
    assert drawn.png[25] == 6, "with an alpha channel: no white page on a dark one"


def test_an_axis_of_bytes_has_no_half_ones(run: Run) -> None:
    one = [row._replace(primary_bytes=1.0, standby_bytes=0.0) for row in ROWS]
    figure = drawing.lag_figure(run, one)
    figure.canvas.draw()
    told = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert set(told) <= {"\N{MINUS SIGN}1", "0", "1", "2"}, told
