"""Records read back: found, listed, told, compared, and drawn as pages that load nothing and run nobody's script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pgha_helpers.archive.compare import compare
from pgha_helpers.archive.entries import Entry, Wanted, entries, find
from pgha_helpers.archive.listing import listing
from pgha_helpers.archive.page import page
from pgha_helpers.archive.report import report
from pgha_helpers.archive.samples import samples
from pgha_helpers.archive.showing import shown
from pgha_helpers.errors import BadParameters
from pgha_helpers.journal import NAME as JOURNAL
from pgha_helpers.journal import Journal

HOSTILE = "<script>alert('x')</script><img src=https://evil.example/x onerror=alert(1)> & \"ünï\"\x1b[31m\n名"
BEGAN = 1_795_376_791.0
DEEDS = (("db0", "arm: the next start makes it a standby", 0.026), ("db0", "stop", 0.022), ("db1", "promote", 0.042))


def sighting(name: str, words: str) -> dict[str, Any]:
    facts = {"is": "Running", "node": name, "system_id": "7711", "settings": {"work_mem": "4MB", "fsync": "on"}}
    return {"nodes": {name: {"as": "Running", "words": words}}, "facts": [facts]}


def both(primary: str, standby: str, **settings: str) -> dict[str, Any]:
    """What a look sees: a primary and a standby, and their settings."""
    two = [sighting(primary, "primary on timeline 1, at 0/1"), sighting(standby, "standby on timeline 1, at 0/1")]
    for each in two:
        each["facts"][0]["settings"].update(settings)
    nodes = {name: words for each in two for name, words in each["nodes"].items()}
    return {"nodes": {name: nodes[name] for name in sorted(nodes)}, "facts": [each["facts"][0] for each in two]}


def write_run(
    records: Path,
    run: str = "0000000a",
    notebook: str = "verify",
    outcome: str = "done",
    *,
    pair: str = "prod",
    at: str = "20261122T101010Z",
    end: bool = True,
    level: str = "ok",
    settings: dict[str, str] | None = None,
    slower: float = 1.0,
    **told: Any,
) -> Path:
    """A record as a run leaves it; a promote that is done moves the primary from db0 to db1."""
    folder = records / f"{at}-{pair}-{notebook}-{run}"
    folder.mkdir(parents=True)
    began = datetime.strptime(at, "%Y%m%dT%H%M%S%z").timestamp()
    ticking = (began + 0.5 * tick for tick in count())
    journal = Journal(folder)
    with patch("pgha_helpers.journal.time.time", lambda: next(ticking)):
        write_lines(journal, run, notebook, outcome, pair, level, settings or {}, slower, told)
        if end:
            journal.write("run ended", outcome=outcome, words="")
    journal.close()
    return folder


def write_lines(
    journal: Journal,
    run: str,
    notebook: str,
    outcome: str,
    pair: str,
    level: str,
    settings: dict[str, str],
    slower: float,
    told: dict[str, Any],
) -> None:
    asked = {"reason": "kernel update", "ticket": "OPS-1", "operator": "ada", "confirm": ""} | told
    who = {"operator": asked["operator"], "typed": True, "from": "bastion", "road": "pgha run"}
    why = {"reason": asked["reason"], "ticket": asked["ticket"], "parameters": asked}
    code = {"version": "0.1.0", "git": {"commit": "c0ffee", "dirty": False}}
    journal.write("run begun", run=run, notebook=notebook, pair=pair, **who, **why, **code)
    journal.write("seen", **both("db0", "db1", **settings))
    reason, remedy = ("", "") if level == "ok" else ("41 MB behind, 16 MB allowed", "wait, or find out why")
    verdict = {"title": "The standby keeps up", "level": level, "reason": reason, "value": "41 MB", "limit": "16 MB"}
    journal.write("judged", worst=level, verdicts=[verdict | {"remedy": remedy}])
    if notebook == "promote" and outcome in ("done", "failed", "interrupted"):
        write_deeds(journal, slower, broken=outcome == "failed")
        journal.write("seen", **both("db1", "db0", **settings))


def write_deeds(journal: Journal, slower: float, *, broken: bool) -> None:
    journal.write("gate shown", wanted="promote db1")
    journal.write("gate answered", answer="promote db1", right=True, by="ada", seconds=3.2)
    journal.write("gate passed", locked=["db0", "db1"])
    began = BEGAN
    for node, did, seconds in DEEDS:
        journal.write("deed begun", node=node, did=did)
        done = f"stopped the primary: shut down, at 0/{int(began)}" if did == "stop" else did
        facts = {"changed": True, "began": began, "seconds": seconds * slower}
        journal.write("deed ended", node=node, did=done, **facts)
        began += seconds * slower
    if broken:
        error = "the slot is gone"
        journal.write("deed begun", node="db0", did="start the server")
        journal.write("deed failed", node="db0", did="start the server", error=error, seconds=1.5)
        journal.write("error", kind="failure", type="NotAchieved", error=f"start the server on db0: {error}")


def an_archive(folder: Path) -> Path:
    """Five runs of two pairs over three days, and what else may lie in a folder."""
    write_run(folder, "0a000001", at="20261120T080000Z")
    write_run(folder, "0a000002", "promote", at="20261121T080000Z", ticket="OPS-7")
    write_run(folder, "0b000003", outcome="critical", level="critical", at="20261121T230000Z")
    write_run(folder, "0b000004", "promote", "failed", at="20261122T080000Z")
    write_run(folder, "0b000005", pair="prod-eu", at="20261122T090000Z", operator="Zoë 名")
    (folder / "notes.txt").write_text("not ours")
    (folder / "somebody's folder").mkdir()
    (folder / ".hidden").mkdir()
    return folder


def ids(found: list[Entry]) -> list[str]:
    return [entry.id for entry in found]


def test_records_are_found_newest_first_and_other_peoples_files_are_passed_over(tmp_path: Path) -> None:
    assert ids(entries(an_archive(tmp_path))) == ["0b000005", "0b000004", "0b000003", "0a000002", "0a000001"]
    assert entries(tmp_path / "absent") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(pair="prod-eu"), ["0b000005"]),
        (Wanted(notebook="promote"), ["0b000004", "0a000002"]),
        (Wanted(outcome="Critical"), ["0b000003"]),
        (Wanted(ticket="ops-7"), ["0a000002"]),
        (Wanted(since="2026-11-22"), ["0b000005", "0b000004"]),
        (Wanted(until="2026-11-21"), ["0b000003", "0a000002", "0a000001"]),
        (Wanted(since="2026-11-21", until="2026-11-21T08:00:00Z"), ["0a000002"]),
        (Wanted(since="2026-11-21T08:00:01Z", until="2026-11-21"), ["0b000003"]),
        (Wanted(pair="nowhere"), []),
    ],
)
def test_filters_leave_what_is_wanted(tmp_path: Path, wanted: Wanted, found: list[str]) -> None:
    assert ids(entries(an_archive(tmp_path), wanted)) == found


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-02-30", "22.11.2026", "2026-11-22T08:00:00+01:00"])
def test_a_bad_date_is_named_with_what_is_allowed(text: str) -> None:
    with pytest.raises(BadParameters, match=re.escape(repr(text))) as error:
        Wanted(since=text)
    assert "2026-11-22" in error.value.remedy
    with pytest.raises(BadParameters, match="until"):
        Wanted(until=text)


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadParameters, match="later"):
        Wanted(since="2026-11-22", until="2026-11-21")


def test_a_misspelt_outcome_is_not_an_empty_list(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="did you mean 'failed'"):
        entries(an_archive(tmp_path), Wanted(outcome="faild"))
    with pytest.raises(BadParameters, match="did you mean 'verify'"):
        entries(tmp_path, Wanted(notebook="verfy"))


@pytest.mark.parametrize(
    "name",
    [
        "0b000004",
        "0b000004 ",
        "20261122T080000Z-prod-promote-0b000004",
        "records/20261122T080000Z-prod-promote-0b000004/",
    ],
)
def test_a_record_is_found_by_its_id_or_its_folder(tmp_path: Path, name: str) -> None:
    assert find(an_archive(tmp_path), name).id == "0b000004"


def test_a_record_is_found_by_the_beginning_of_its_id_if_it_is_the_only_one(tmp_path: Path) -> None:
    write_run(an_archive(tmp_path), "c0000000").rename(tmp_path / "kept for the auditor")
    assert find(tmp_path, "0a000002"[:8]).told["notebook"] == "promote"
    assert find(tmp_path, "c0").folder.name == "kept for the auditor"
    with pytest.raises(BadParameters, match="beginning of 3 records") as error:
        find(tmp_path, "0b")
    assert "prod-eu-verify-0b000005" in error.value.remedy
    with pytest.raises(BadParameters, match="0a000003") as error:
        find(tmp_path, "0a000003")
    assert "0a000001" in error.value.remedy
    for nothing in ("", "..", "/"):
        with pytest.raises(BadParameters):
            find(tmp_path, nothing)
    with pytest.raises(BadParameters, match="there is no record in"):
        find(tmp_path / "absent", "0a")


def edited(folder: Path) -> None:
    text = (folder / JOURNAL).read_text()
    (folder / JOURNAL).write_text(text.replace('"operator": "ada"', '"operator": "eve"'))


def misshapen(folder: Path) -> None:
    (folder / JOURNAL).unlink()
    journal = Journal(folder)
    journal.write("run begun", run="x", notebook="verify", pair="prod", operator=["a"], reason={"b": 1})
    journal.write("judged", verdicts="all well")
    journal.write("run ended", outcome="done")
    journal.close()


@pytest.mark.parametrize(
    ("break_it", "outcome", "why"),
    [
        (edited, "unreadable", "does not continue"),
        (misshapen, "unreadable", "verdicts are not what"),
        (lambda folder: (folder / JOURNAL).write_bytes(b"\xff\xfe\n[1]\nnull\n"), "unreadable", "line 1"),
        (lambda folder: (folder / JOURNAL).write_bytes(b""), "interrupted", ""),
        (lambda folder: (folder / JOURNAL).unlink(), "not begun", ""),
        (lambda folder: ((folder / JOURNAL).unlink(), (folder / "record.json").touch()), "unreadable", "missing"),
        (lambda folder: (folder / "record.json").write_text('{"format": 99}'), "newer version", "newer version"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": 99}'), "newer version", "newer version"),
        (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "done", ""),
    ],
)
def test_whatever_has_become_of_a_record_it_is_shown_and_says_so(
    tmp_path: Path, break_it: Any, outcome: str, why: str
) -> None:
    folder = write_run(tmp_path)
    break_it(folder)
    (found,) = entries(tmp_path)
    assert found.told["outcome"] == outcome and why in found.why
    assert (found.told["pair"], found.told["notebook"]) == ("prod", "verify")
    for told in (str(listing([found])), shown(found), page([found]), report(folder, found.told, "by hand")):
        assert outcome in told
    if found.legible:
        assert compare(found, found).text()
    else:
        with pytest.raises(BadParameters, match="cannot be compared"):
            compare(found, found)


def test_a_run_that_is_under_way_is_said_to_be_running(tmp_path: Path) -> None:
    folder = tmp_path / "20261122T101010Z-prod-verify-0000000a"
    folder.mkdir()
    journal = Journal(folder)
    journal.write("run begun", run="0000000a", notebook="verify", pair="prod")
    assert [entry.state for entry in entries(tmp_path)] == ["running"]
    journal.close()
    assert [entry.state for entry in entries(tmp_path)] == ["interrupted"]


def test_a_record_is_sealed_once_its_manifest_is_written(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    assert not entries(tmp_path)[0].sealed
    (folder / "manifest.json").write_text("{}")
    assert entries(tmp_path)[0].sealed


def test_the_list_has_a_row_per_record_and_no_control_characters(tmp_path: Path) -> None:
    write_run(an_archive(tmp_path), "0c000006", reason=HOSTILE, at="20261123T080000Z")
    told = str(listing(entries(tmp_path)))
    rows = told.splitlines()
    assert len(rows) == 7 and "\x1b" not in told
    assert rows[0].split() == ["began", "run", "notebook", "outcome", "changed", "outage", "ticket", "reason"]
    assert re.match(r"2026-11-21 08:00:00Z  0a000002  promote   done      yes      64 ms \(runbook\)  OPS-7 ", rows[5])


def test_one_record_is_told_in_full(tmp_path: Path) -> None:
    folder = write_run(tmp_path, notebook="promote", outcome="failed", reason=HOSTILE, level="critical")
    told = shown(find(tmp_path, "0000000a"))
    for words in (
        "✗ promote 0000000a: failed",
        "db0: primary → standby; db1: standby → primary; 3 deeds changed something, 1 failed.",
        "start the server on db0: the slot is gone",
        "ada on bastion",
        "“promote db1”, given by ada, 3.2 s after it was asked",
        "41 MB behind, 16 MB allowed. wait, or find out why.",
        "0.042 s     promote",
        "FAILED, the slot is gone",
        "outage     64 ms (runbook)",
        str(folder),
    ):
        assert words in told
    assert "\x1b" not in told and "<script>" in told, "a terminal runs no script, and the words are evidence"


def write_lag(folder: Path, *rows: str) -> None:
    head = "at,primary_bytes,standby_bytes,primary_seconds,standby_seconds"
    (folder / "lag.csv").write_text("\n".join([head, *rows]) + "\n")


def test_lag_is_read_back_and_breaks_where_nobody_looked(tmp_path: Path) -> None:
    write_lag(
        tmp_path,
        "100.0,5,7,0.1,",
        "100.2,,,,",
        "100.4,9,0,0.2,0.3",
        "100.6,1,1,0,0",
        "109,4,nan,x,0",
        "what",
        ",1,1,1,1",
    )
    lag = samples(tmp_path)
    assert [round(at, 1) for at in lag.at] == [0.0, 0.2, 0.4, 0.6, 9.0]
    assert lag.bytes == (7.0, None, 9.0, 1.0, 4.0) and lag.seconds == (0.1, None, 0.3, 0.0, 0.0)
    assert [len(stretch) for stretch in lag.stretches("bytes")] == [1, 2, 1]
    assert (lag.worst("bytes"), samples(tmp_path / "absent").worst("bytes")) == (9.0, None)


def two_runs(folder: Path) -> tuple[Entry, Entry]:
    a = write_run(folder, "0000000a", "promote", confirm="promote db1")
    b = write_run(
        folder, "0000000b", "promote", confirm="promote db0", slower=2, settings={"work_mem": "8MB"}, level="warning"
    )
    write_lag(a, "100.0,5120,0,0.1,0.2", "100.2,1024,0,0.1,0.2")
    write_lag(b, "900.0,10240,0,0.1,0.2", "900.2,1024,0,0.1,0.2")
    return find(folder, a.name), find(folder, b.name)


def test_two_runs_are_compared(tmp_path: Path) -> None:
    found = compare(*two_runs(tmp_path))
    assert [(d.what, d.a, d.b) for d in found.parameters] == [("confirm", "promote db1", "promote db0")]
    assert [(d.what, d.a, d.b) for d in found.settings] == [
        ("db1 work_mem", "4MB", "8MB"),
        ("db0 work_mem", "4MB", "8MB"),
    ]
    assert [(d.a, d.b) for d in found.verdicts] == [("ok", "warning: 41 MB behind, 16 MB allowed")]
    assert [timing.what for timing in found.deeds] == [DEEDS[0][1], "stopped the primary", "promote"]
    assert [round(timing.ratio or 0, 3) for timing in found.deeds] == [2.0, 2.0, 2.0]
    assert {timing.what: round(timing.b or 0, 3) for timing in found.totals}["outage, by the runbook"] == 0.128
    assert [lag.worst("bytes") for lag in found.lags] == [5120, 10240]
    told = found.text()
    assert re.search(r"db1 +promote +0\.042 s +0\.084 s  2 x", told) and "10 kB" in told


def test_the_way_there_and_the_way_back_are_the_same_deeds(tmp_path: Path) -> None:
    a, b = two_runs(tmp_path)
    names = {"db0": "db1", "db1": "db0"}
    back = [deed | {"node": names[deed["node"]]} for deed in b.told["deeds"]]
    found = compare(a, Entry(b.folder, {**b.told, "deeds": back[1:]}, False, "ended"))
    assert [timing.where for timing in found.deeds] == ["db0", "db0 / db1", "db1 / db0"]
    assert found.deeds[0].b is None and found.deeds[0].told == ""


def test_what_was_not_recorded_is_not_called_equal(tmp_path: Path) -> None:
    a, b = two_runs(tmp_path)
    old = Entry(b.folder, {key: value for key, value in b.told.items() if key != "settings"}, False, "ended")
    found = compare(a, old)
    assert found.settings == () and "B recorded no settings, so they are not compared" in found.notes


class Seen(HTMLParser):
    """What a page would load, run or link to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.metas: dict[str, str] = {}
        self.script = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        told = {name: value or "" for name, value in attrs}
        self.loads += [
            told[name] for name in ("src", "srcset", "data", "poster", "background", "action") if name in told
        ]
        self.links += [told["href"]] if "href" in told else []
        self.handlers += [name for name in told if name.startswith("on")]
        if tag == "meta":
            self.metas[told.get("name") or told.get("http-equiv", "")] = told.get("content", "")

    def handle_data(self, data: str) -> None:
        self.script += data if self.cdata_elem == "script" else ""


def stands_alone(html: str) -> Seen:
    """Assert that a page loads nothing, names its width for a phone, and shuts the door to scripts; what it has."""
    seen = Seen(html)
    assert all(load.startswith("data:image/") for load in seen.loads)
    assert not seen.handlers and not {"link", "iframe", "object", "embed", "base"} & set(seen.tags)
    assert "url(" not in html and "@import" not in html
    assert seen.metas["viewport"].startswith("width=device-width")
    assert seen.metas["Content-Security-Policy"].startswith("default-src 'none'")
    return seen


def test_the_page_of_runs_stands_alone_and_links_to_the_reports(tmp_path: Path) -> None:
    folder = write_run(an_archive(tmp_path), "0c000006", pair="a pair, #1 & <b>", reason=HOSTILE, operator=HOSTILE)
    (folder / "report.html").touch()
    html = page(entries(tmp_path))
    seen = stands_alone(html)
    assert seen.links == ["20261122T101010Z-a%20pair%2C%20%231%20%26%20%3Cb%3E-verify-0c000006/report.html"]
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
    html = compare(a, b).html()
    seen = stands_alone(html)
    assert "script" not in seen.tags and seen.links == []
    drawn = re.findall(r'<svg class="figure".*?</svg>', html, re.DOTALL)
    assert [svg.count('class="line run-') for svg in drawn] == [2, 2]
    assert "up: kB" in drawn[0] and "s since each run&#39;s first sample" in drawn[0] and "up: ms" in drawn[1]
    assert "stroke-dasharray" in html


def a_notebook(*cells: dict[str, Any]) -> str:
    whole = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"language_info": {"name": "python"}},
        "cells": list(cells),
    }
    return json.dumps(whole)


def code_cell(*outputs: dict[str, Any]) -> dict[str, Any]:
    told = {"cell_type": "code", "id": "c", "metadata": {}, "execution_count": 1, "source": "look(run)"}
    return told | {"outputs": list(outputs)}


def display(**data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {k.replace("_", "/", 1): v for k, v in data.items()}}


def test_the_report_holds_the_whole_record_and_loads_nothing(tmp_path: Path) -> None:
    folder = write_run(tmp_path, notebook="promote", outcome="failed", reason=HOSTILE, level="critical")
    (folder / "lag.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    cell = '<td style="color:#b42318;background:url(https://evil.example)" onclick="x()">✗ bad</td>'
    table = f"<table><tr>{cell}</tr></table>"
    hostile = "<script>alert(1)</script><img src='https://evil.example/x'><iframe src='https://evil.example'></iframe>"
    cells = (
        {
            "cell_type": "markdown",
            "id": "m",
            "metadata": {},
            "source": f"# A title\n[away](https://evil.example) {hostile}",
        },
        code_cell(display(text_html=table + hostile), display(application_javascript="alert(1)", text_plain="words")),
        code_cell(display(image_png="aGk="), {"output_type": "stream", "name": "stdout", "text": f"{HOSTILE}\n"}),
    )
    (folder / "notebook.ipynb").write_text(a_notebook(*cells))
    told = {**find(tmp_path, folder.name).told, "chain": {"number": 7, "previous": {"run": "abc"}}, "edited": ["c4"]}
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
def test_a_report_without_a_notebook_says_why(tmp_path: Path, text: str | None, sentence: str) -> None:
    folder = write_run(tmp_path)
    if text is not None:
        (folder / "notebook.ipynb").write_text(text)
    assert sentence in report(folder, find(tmp_path, folder.name).told, "")


@pytest.mark.parametrize(
    "opened", ["<script>", "<style>", "<svg>", "<title>", "<template>", "<table><td>", "<!--", "<a href='"]
)
def test_an_output_cannot_hide_those_that_follow(tmp_path: Path, opened: str) -> None:
    folder = write_run(tmp_path)
    cells = code_cell(display(text_html=f"<b>this</b>{opened}")), code_cell(display(text_html="<b>and that</b>"))
    (folder / "notebook.ipynb").write_text(a_notebook(*cells))
    html = report(folder, find(tmp_path, folder.name).told, "by hand")
    assert "<b>this</b>" in html and "<b>and that</b>" in html and html.count("<div") == html.count("</div>")


def test_a_report_is_the_same_for_the_same_record(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    (folder / "notebook.ipynb").write_text(a_notebook(code_cell(display(application_javascript="x", text_plain="y"))))
    told = find(tmp_path, folder.name).told
    assert report(folder, told, "") == report(folder, told, "")
