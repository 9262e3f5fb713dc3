"""What a page has lost of its cells is told by the journal; what another page has is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pgha_helpers.records.making.by_journal import LOST, UNHEARD, cells_told, filled
from pgha_helpers.records.making.contents import to_save
from pgha_helpers.run.journal import Journal, Story, read

BEGIN = 'run = begin("promote", pair=pair)'


def cell(name: str, source: str = "", count: int | None = None, *said: str) -> dict[str, Any]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": text} for text in said]
    told = {"id": name, "cell_type": "code", "source": source, "metadata": {}}
    return {**told, "execution_count": count, "outputs": outputs}


def notebook(*cells: dict[str, Any], run: str = "") -> dict[str, Any]:
    """A notebook that shows this run, by the name of its record, in its first cell."""
    begun = cell("a", BEGIN, 1 if run else None)
    if run:
        mark = {"pgha": {"run": run[-8:], "record": f"/records/{run}"}}
        begun["outputs"] = [{"output_type": "display_data", "data": {}, "metadata": mark}]
    return {"cells": [begun, *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def said(told: dict[str, Any], number: int) -> str:
    return "\n".join(
        one.get("text") or one["data"].get("text/plain", "")
        for one in told["cells"][number]["outputs"]
    )


def story(folder: Path, *more: tuple[str, dict[str, Any]], ends: bool = True) -> Story:
    """A run that was begun, shown its gate in cell b, and did more in cell c."""
    journal = Journal(folder)
    journal.write("run begun", run="0000000a", notebook="promote", pair="prod", operator="ada")
    journal.write("cell begun", cell="b")
    journal.write("gate shown", wanted="promote db1")
    if more:
        journal.write("gate answered", answer="promote db1", right=True, by="ada")
        journal.write("cell begun", cell="c")
    for event, facts in more:
        journal.write(event, **facts)
    if ends:
        journal.write("run ended", outcome="done")
    told = read(folder)
    journal.close()
    return told


PROMOTED = (
    ("deed ended", {"node": "db1", "did": "promote", "seconds": 0.042}),
    ("deed failed", {"node": "db0", "did": "start it", "error": "no room"}),
    ("outage", {"words": "98 ms"}),
)


def test_a_cell_whose_output_is_lost_is_told_by_the_journal(tmp_path: Path) -> None:
    page = notebook(cell("b"), cell("c"), cell("d"), run="20261129T100000Z-prod-promote-0000000a")
    told = filled(page, story(tmp_path, *PROMOTED))
    assert said(told, 0) == "", "what the page has is left as it is"
    assert said(told, 1).startswith(LOST) and "“promote db1” was given by ada" in said(told, 1)
    for words in ("db1: promote (42 ms)", "start it: FAILED: no room", "Outage: 98 ms", "done"):
        assert words in said(told, 2)
    assert said(told, 3) == "", "it was not run"
    assert filled(told, read(tmp_path)) == told, "and is told once"


def test_a_page_that_has_lost_the_beginning_too_is_told_of_it(tmp_path: Path) -> None:
    told = filled(notebook(cell("b", "", None, "the plan")), story(tmp_path))
    assert "run 0000000a, promote on prod, by ada" in said(told, 0)
    assert said(told, 1).startswith(f"the plan\n{UNHEARD}")


def test_a_gate_that_waits_says_how_to_go_on(tmp_path: Path) -> None:
    told = filled(notebook(cell("b")), story(tmp_path, ends=False))
    assert "nothing is changed before" in said(told, 1) and "Interrupt Kernel" in said(told, 1)


def test_a_cell_that_was_run_again_is_told_by_its_last_time(tmp_path: Path) -> None:
    again = story(tmp_path, ("cell begun", {"cell": "b"}), ("gate passed", {"locked": []}))
    assert [one.cell for one in cells_told(again)] == ["", "b", "c", "b"]
    assert "consent given" in said(filled(notebook(cell("b")), again), 1)


FIRST = "20261129T100000Z-prod-promote-0000000a"
SECOND = "20261129T100500Z-prod-promote-0000000b"


def test_of_one_run_is_kept_what_either_page_has_heard() -> None:
    here = notebook(cell("b", "x", 2, "mine"), cell("c", "y"), run=FIRST)
    there = notebook(cell("b", "x"), cell("c", "y", 3, "theirs"), run=FIRST)
    both = to_save(here, there)
    assert (said(both, 1), said(both, 2)) == ("mine", "theirs")
    assert both["cells"][2]["execution_count"] == 3


def test_a_page_that_knows_no_run_or_an_older_one_overwrites_nothing() -> None:
    newer = notebook(cell("b", "x", 2, "heard"), run=SECOND)
    for stale in (notebook(cell("b")), notebook(cell("b", "x", 2, "old"), run=FIRST)):
        assert to_save(stale, newer) == newer
        assert to_save(newer, stale) == newer


def test_the_words_of_the_journal_are_never_saved(tmp_path: Path) -> None:
    page = notebook(cell("b"), cell("c"))
    told = filled(page, story(tmp_path, *PROMOTED))
    assert to_save(told, None) == page and to_save(told, page) == page
