"""The report of one run, which stands alone."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.judgement.checks import HEALTHY, judge
from pgha_helpers.model import DeedKind
from pgha_helpers.records.reading.entries import find
from pgha_helpers.records.reading.report import report
from pgha_helpers.records.reading.showing import record_text
from pgha_helpers.run.journal import Journal

from ..pictures import primary, seen, stopped
from .made_up import HOSTILE, write_run
from .seen import stands_alone


def a_notebook(*cells: dict[str, Any]) -> str:
    whole = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"language_info": {"name": "python"}},
        "cells": list(cells),
    }
    return json.dumps(whole)


def code_cell(*outputs: dict[str, Any]) -> dict[str, Any]:
    told = {
        "cell_type": "code",
        "id": "c",
        "metadata": {},
        "execution_count": 1,
        "source": "look(run)",
    }
    return told | {"outputs": list(outputs)}


def display(**data: str) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {k.replace("_", "/", 1): v for k, v in data.items()},
    }


def test_the_report_holds_the_whole_record_and_loads_nothing(tmp_path: Path) -> None:
    folder = write_run(
        tmp_path, notebook="promote", outcome="failed", reason=HOSTILE, level="critical"
    )
    (folder / "lag.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    )
    cell = '<td style="color:#b42318;background:url(https://evil.example)" onclick="x()">✗ bad</td>'
    table = f"<table><tr>{cell}</tr></table>"
    hostile = (
        "<script>alert(1)</script><img src='https://evil.example/x'><iframe "
        "src='https://evil.example'></iframe>"
    )
    cells = (
        {
            "cell_type": "markdown",
            "id": "m",
            "metadata": {},
            "source": f"# A title\n[away](https://evil.example) {hostile}",
        },
        code_cell(
            display(text_html=table + hostile),
            display(application_javascript="alert(1)", text_plain="words"),
        ),
        code_cell(
            display(image_png="aGk="),
            {"output_type": "stream", "name": "stdout", "text": f"{HOSTILE}\n"},
        ),
    )
    (folder / "notebook.ipynb").write_text(a_notebook(*cells))
    told = {
        **find(tmp_path, folder.name).told,
        "chain": {"number": 7, "previous": {"run": "abc"}},
        "edited": ["c4"],
    }
    html = report(folder, told, "sha256sum -c <manifest> & done")
    seen = stands_alone(html)
    assert "script" not in seen.tags and seen.links == []
    assert len(seen.loads) == 2, "the chart and the cell's picture"
    for words in (
        '<span class="outcome critical">✗ failed</span>',
        "64 ms without a primary",
        "number 7, after run abc",
        "commit c0ffee, clean",
        "Cells were run that differ from the notebook&#39;s source: c4.",
        "✗ failed:</strong> the slot is gone",
        "41 MB behind, 16 MB allowed",
        "A title</h1>",
        '<td style="color:#b42318">✗ bad</td>',
        "<pre>words</pre>",
        "sha256sum -c &lt;manifest&gt; &amp; done",
    ):
        assert words in html


def test_what_allowed_the_change_stands_before_what_came_of_it(tmp_path: Path) -> None:
    """The gate judged on the look under its lock; what was asked afterwards is another list."""
    folder = tmp_path / "20261122T101010Z-prod-promote-0000000a"
    folder.mkdir()
    journal = Journal(folder)
    journal.write("run begun", run="0000000a", notebook="promote", pair="prod")
    journal.write("judged", worst="ok", verdicts=verdicts("asked in its cell"))
    journal.write("judged", worst="ok", verdicts=verdicts("the standby keeps up", "both agree"))
    journal.write("gate passed", locked=["db0", "db1"])
    journal.write("deed begun", node="db0", kind=DeedKind.ARM, did="arm")
    journal.write("judged", worst="ok", verdicts=verdicts("it takes writes"))
    journal.write("run ended", outcome="done")
    journal.close()
    told = find(tmp_path, folder.name)
    html, text = report(folder, told.told, ""), record_text(told)
    for shown in (html, text):
        assert "asked in its cell" not in shown
        parts = (
            *("What allowed the change", "2 of 2 checks say yes", "before the first step"),
            *("the standby keeps up", "both agree"),
            *("After the change", "1 of 1 checks says yes", "it takes writes"),
        )
        places = [shown.index(words) for words in parts]
        assert places == sorted(places)


def verdicts(*titles: str) -> list[dict[str, str]]:
    return [{"title": title, "level": "ok"} for title in titles]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "The record holds no executed notebook."),
        ('{"cells": [', "cannot be read, so it is not shown"),
        ("[]", "is not a notebook of a format"),
        ('{"cells": []}', "has no cells"),
        ('{"cells": [3], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "cannot be shown"),
    ],
)
def test_a_report_without_a_notebook_says_why(
    tmp_path: Path, text: str | None, sentence: str
) -> None:
    folder = write_run(tmp_path)
    if text is not None:
        (folder / "notebook.ipynb").write_text(text)
    assert sentence in report(folder, find(tmp_path, folder.name).told, "")


@pytest.mark.parametrize(
    "opened",
    ["<script>", "<style>", "<svg>", "<title>", "<template>", "<table><td>", "<!--", "<a href='"],
)
def test_an_output_cannot_hide_those_that_follow(tmp_path: Path, opened: str) -> None:
    folder = write_run(tmp_path)
    cells = (
        code_cell(display(text_html=f"<b>this</b>{opened}")),
        code_cell(display(text_html="<b>and that</b>")),
    )
    (folder / "notebook.ipynb").write_text(a_notebook(*cells))
    html = report(folder, find(tmp_path, folder.name).told, "by hand")
    assert (
        "<b>this</b>" in html
        and "<b>and that</b>" in html
        and html.count("<div") == html.count("</div>")
    )


def test_a_report_is_the_same_for_the_same_record(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    (folder / "notebook.ipynb").write_text(
        a_notebook(code_cell(display(application_javascript="x", text_plain="y")))
    )
    told = find(tmp_path, folder.name).told
    assert report(folder, told, "") == report(folder, told, "")


def test_a_cause_is_told_once_with_what_could_not_be_asked_because_of_it(tmp_path: Path) -> None:
    """In the report as in the terminal: 25 remedies for one stopped standby were a wall."""
    folder = write_run(tmp_path)
    judged = [asdict(verdict) for verdict in judge(HEALTHY, seen(primary(), stopped("db1")))]
    told = {"verdicts": json.loads(json.dumps(judged))}
    remedy = "run rebuild with node=db1"
    unasked = [verdict["title"] for verdict in judged if verdict["level"] == "unknown"]
    assert len(unasked) > 20
    known = find(tmp_path, folder.name)
    entry = replace(known, told={**known.told, **told})
    for text in (report(folder, told, ""), record_text(entry)):
        assert text.count(remedy) == 1 and text.count("db1: stopped") == 1
        assert f"{len(unasked)} of {len(judged)} checks could not be asked" in text
        assert all(title in unescape(text) for title in unasked)
