"""What the benchmark makes of its figures: no ratio is written by hand."""

from __future__ import annotations

import re
from pathlib import Path

from pgha_helpers.run.checkout import CHECKOUT

from ..bench.kept import say
from ..bench.switchover import said
from ..bench.switchover.measure import OVER_OURS

HEAD = ("", "outage, ms", "over the fast floor", OVER_OURS)
ROWS = (
    ("pgha run promote", "100 [90-120] n=7", "1.25", "1.00"),
    ("floor fast", "80 [70-90] n=7", "1.00", "0.80"),
    ("repmgr", "1279 [1269-1289] n=7", "15.99", "12.79"),
    ("repmgr, quickest settings", "280 [270-300] n=7", "3.50", "2.80"),
    ("Patroni", "2400 [2300-2500] n=7", "30.00", "24.00"),
    ("pg_auto_failover", "not measured: not installed", "", ""),
)


def test_a_peer_is_told_at_its_best_and_one_that_is_missing_by_name() -> None:
    words = said(HEAD, ROWS)
    assert "for 100 ms, 1.25 times as long as a switchover by local signals" in words
    assert words.endswith(
        "repmgr 2.8 times as long, Patroni 24 times as long, pg_auto_failover was not measured."
    )


def test_a_sentence_is_put_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- x: by `make bench` -->\nold\n<!-- /x -->\nafter\n")
    say(page, "x", "new")
    assert page.read_text() == "before\n<!-- x: by `make bench` -->\nnew\n<!-- /x -->\nafter\n"


def test_what_the_readme_says_is_what_the_page_of_figures_has() -> None:
    """The benchmark writes both in one go; a page of before it did so has nothing that README could
    say.
    """
    page = (CHECKOUT / "docs" / "bench.md").read_text()
    section = page.partition("\n## switchover\n")[2].partition("\n## ")[0]
    lines = [
        line
        for line in section.splitlines()
        if line.startswith("|") and not line.startswith("| ---")
    ]
    head, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    told = re.search(
        r"<!-- switchover: .*? -->\n(.*?)<!--", (CHECKOUT / "README.md").read_text(), re.DOTALL
    )
    wanted = said(head, [row for row in rows if len(row) == len(head)]) if OVER_OURS in head else ""
    assert told and " ".join(told[1].split()) == wanted
