"""What a canary saw: the gap, what is kept of it, how it is drawn and told; and how it goes from
host to host.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.clients.canary.attempts import AROUND, COLUMNS, Attempt, Attempts, Gap, read_seen
from pgha_helpers.clients.canary.chart import canary_figure, draw_canary, sides_of
from pgha_helpers.clients.canary.client import Errand, WritingClient
from pgha_helpers.clients.canary.road import road_of
from pgha_helpers.clients.canary.telling import account_of
from pgha_helpers.facts.pictures import NARROW, WIDE
from pgha_helpers.model import Deed, DeedKind, Libpq
from pgha_helpers.model.errors import BadParameters
from pgha_helpers.records.making.summary import summarise
from pgha_helpers.records.reading.compare import compare
from pgha_helpers.records.reading.entries import entries, find
from pgha_helpers.records.reading.listing import listing
from pgha_helpers.records.reading.outages import as_seen
from pgha_helpers.records.reading.page import page
from pgha_helpers.records.reading.report import report
from pgha_helpers.records.reading.showing import record_text
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import read
from pgha_helpers.wire.hosts import hosts_of

from .made_runs import run_in
from .pictures import pair
from .reading.made_up import an_archive, write_run

ZERO = 1_795_376_791.0
DEEDS = [
    Deed("db0", DeedKind.STOP_PRIMARY, "stopped the primary", True, ZERO + 0.99, ZERO + 1.03),
    Deed("db1", DeedKind.PROMOTE, "promote", True, ZERO + 1.03, ZERO + 1.09),
    Deed("db0", DeedKind.START, "start the server", True, ZERO + 30, ZERO + 31),
]


def rows(first: int, began: float, count: int, took: float = 0.001) -> list[Attempt]:
    """Acknowledged rows, one every 10 ms."""
    return [
        Attempt(first + n, began + n / 100, began + n / 100, began + n / 100 + took, "ok")
        for n in range(count)
    ]


def failed(code: str, began: float, seq: int = 0) -> Attempt:
    return Attempt(seq, began, began, began + 0.001, code)


def an_outage() -> Attempts:
    """A second of rows, a tenth of a second in which one row got no answer and four attempts were
    refused, a second.
    """
    refused = [failed("refused", ZERO + 1.02 + n / 50) for n in range(4)]
    lost = failed("unanswered", ZERO + 1.0, seq=101)
    return Attempts(
        (*rows(1, ZERO, 100), lost, *refused, *rows(102, ZERO + 1.1, 100)),
        (("refused", 4),),
        "asked",
    )


def test_the_gap_lies_between_two_acknowledgements() -> None:
    gap = an_outage().gap
    assert gap is not None and gap.over
    assert (round(gap.began - ZERO, 3), round(gap.seconds, 3)) == (0.991, 0.11)


def test_a_gap_that_no_row_ended_is_not_over() -> None:
    seen = Attempts((*rows(1, ZERO, 3), *(failed("refused", ZERO + 1 + n) for n in range(3))))
    gap = seen.gap
    assert gap is not None and not gap.over
    assert (round(gap.began - ZERO, 3), round(gap.ended - ZERO, 3)) == (0.021, 3.001)
    assert account_of(seen)["outage"]["over"] is False


def test_a_gap_may_begin_with_the_first_attempt() -> None:
    """A failover: nobody is writable when the canary begins."""
    seen = Attempts((failed("refused", ZERO), failed("refused", ZERO + 2), *rows(1, ZERO + 3, 5)))
    assert seen.gap == Gap(ZERO, ZERO + 3.001, since_row=False)


def test_who_saw_nothing_has_no_gap() -> None:
    assert (
        Attempts().gap is None and Attempts().latency(0.5) is None and list(Attempts().rows()) == []
    )
    assert account_of(Attempts())["outage"] is None


def test_the_latency_leaves_the_row_out_that_ended_the_gap() -> None:
    slow = Attempt(300, ZERO + 5, ZERO + 5, ZERO + 9, "ok")
    seen = Attempts((*rows(1, ZERO, 99), slow, *rows(301, ZERO + 9.01, 1, took=0.003)))
    assert seen.gap is not None and round(seen.gap.ended - ZERO, 3) == 9
    assert [
        round(value or 0, 4) for value in (seen.latency(0.5), seen.latency(0.99), seen.latency(1))
    ] == [
        0.001,
        0.001,
        0.003,
    ]


def test_far_from_the_gap_a_row_per_second_is_kept_and_no_attempt_is_left_uncounted() -> None:
    quiet = rows(1, ZERO, 6000)
    seen = Attempts((*quiet, *rows(6001, ZERO + 62, 6000)))
    kept = list(seen.rows())
    singles = [row for row in kept if row[2] == 1]
    assert sum(row[2] for row in kept) == 12000 == sum(row[3] for row in kept)
    assert len(singles) == pytest.approx(2 * AROUND * 100, abs=4) and len(kept) < 1200
    assert all(float(later[0]) >= float(earlier[1]) - 1e-6 for earlier, later in pairwise(kept))
    assert (kept[0][6], kept[-1][7]) == (1, 12000) and len(COLUMNS) == len(kept[0])


def test_what_was_refused_has_no_sequence_number_in_the_file() -> None:
    (row,) = Attempts((failed("refused", ZERO),)).rows()
    assert row[2:] == (1, 0, 1, 0, "", "", "")


def test_a_line_that_was_cut_off_is_left_out() -> None:
    lines = [json.dumps({**attempt._asdict(), "said": ""}).encode() for attempt in rows(1, ZERO, 2)]
    refused = json.dumps({**failed("refused", ZERO + 1)._asdict(), "said": "no"}).encode()
    seen = read_seen([*lines, refused, refused, b'{"seq": 3, "beg'])
    assert [attempt.seq for attempt in seen.attempts] == [1, 2, 0, 0] and seen.acknowledged == {
        1,
        2,
    }
    assert seen.said == (("no", 2),) and "its process had gone" in seen.ended
    assert (
        read_seen([b"Traceback\n", b"ImportError: psycopg2\n"]).ended
        == "its process had gone: ImportError: psycopg2"
    )
    assert read_seen([*lines, b'{"ended": "asked"}']).ended == "asked"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    made = run_in(tmp_path)
    yield made
    made.journal.close()


def test_the_chart_has_a_mark_per_attempt_and_the_deeds_that_lie_near(run: Any) -> None:
    seen = an_outage()
    assert seen.gap is not None
    commits, failures, strip = canary_figure(run, seen, seen.gap, DEEDS).axes
    side = sides_of(seen.gap)
    assert (
        len(commits.lines[0].get_xdata())
        == sum(a.code == "ok" for a in seen.around(side, side))
        > 10
    )
    marks = {
        line.get_marker(): len(line.get_xdata())
        for line in failures.lines
        if line.get_marker() in ("x", "D")
    }
    assert marks == {"x": 4, "D": 1}, "told by shape and by row, not by colour"
    assert [label.get_text() for label in failures.get_yticklabels()] == [
        "refused: 4",
        "never\nanswered: 1",
    ]
    assert len(strip.patches) == 3 and len(strip.texts) == 2, (
        "the shaded gap, and the two deeds in sight"
    )
    assert "no commit for 110 ms" in commits.texts[0].get_text() and "(ms)" in commits.get_ylabel()
    assert strip.get_xlabel().startswith("seconds since 2026-11-22T")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_word_of_the_chart_stands_within_it(run: Any, width: float) -> None:
    lost = [failed("unanswered", ZERO + 1.0, seq=1000 + n) for n in range(1234)]
    many = Attempts((*an_outage().attempts, *lost), (), "asked")
    assert many.gap is not None
    figure = canary_figure(run, many, many.gap, DEEDS, width)
    figure.draw_without_rendering()
    for axes in figure.axes:
        words = [*axes.get_yticklabels(), axes.title, axes.xaxis.label, axes.yaxis.label]
        for box in [one.get_window_extent() for one in words if one.get_text()]:
            assert box.x0 >= 4 and box.x1 <= figure.bbox.x1, axes.get_ylabel()


def test_the_chart_is_kept_with_its_digest(tmp_path: Path, run: Any) -> None:
    run.steps = DEEDS
    assert draw_canary(run, an_outage()).data.startswith(b"\x89PNG")
    event, phone = [e for e in run.journal.events if e["event"] == "drawn"]
    assert phone["file"] == "canary-phone.svg"
    assert event["file"] == "canary.svg"
    assert event["sha256"] == hashlib.sha256((tmp_path / "canary.svg").read_bytes()).hexdigest()
    assert draw_canary(run, Attempts()) is None


def test_two_processes_draw_the_same_bytes(tmp_path: Path) -> None:
    drawn = []
    for seed in ("1", "7"):
        folder = tmp_path / seed
        folder.mkdir()
        words = (
            "from tests.pure.test_canary import *; run = run_in(Path(sys.argv[1])); "
            "run.steps = DEEDS\n"
        )
        command = [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"{words}draw_canary(run, an_outage())",
            str(folder),
        ]
        subprocess.run(
            command,
            check=True,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            timeout=120,
        )
        drawn.append((folder / "canary.svg").read_bytes())
    assert drawn[0] == drawn[1]


def test_the_road_is_the_clients_own_where_one_is_known() -> None:
    nobody = Libpq("nobody", dsn="")
    somebody = Libpq("somebody", dsn="host=bouncer port=6432 dbname=shop", passfile="~/.shop")
    (host,) = road_of(pair(clients=(nobody, somebody))).hosts
    assert host["passfile"].endswith("/.shop") and "~" not in host["passfile"]
    assert (host["host"], host["port"], host["dbname"], host["application_name"]) == (
        "bouncer",
        "6432",
        "shop",
        "pgha canary",
    )
    both = road_of(pair(passfile="~/.pgpass")).hosts
    assert [each["host"] for each in both] == ["10.0.0.10", "10.0.0.11"]
    assert {each["target_session_attrs"] for each in both} == {"read-write"} and "~" not in both[0][
        "passfile"
    ]
    assert not any("synchronous_commit" in each["options"] for each in both), (
        "a canary commits as clients do"
    )


@pytest.mark.parametrize(
    ("dsn", "found"),
    [
        ("host=a,b port=1,2 dbname=x", [("a", "1"), ("b", "2")]),
        ("postgresql://u@a:1,b:2/x?target_session_attrs=read-write", [("a", "1"), ("b", "2")]),
        ("host=a,b port=5", [("a", "5"), ("b", "5")]),
        ("dbname=x", [(None, None)]),
    ],
)
def test_a_connection_string_is_told_host_by_host(
    dsn: str, found: list[tuple[str | None, str | None]]
) -> None:
    assert [(each.get("host"), each.get("port")) for each in hosts_of(dsn)] == found


@pytest.mark.parametrize("dsn", ["host=a b", "host=a,b,c port=1,2", "nonsense"])
def test_a_connection_string_that_cannot_be_meant_is_refused(dsn: str) -> None:
    with pytest.raises(BadParameters, match="connection string"):
        hosts_of(dsn)


def test_a_host_that_gives_no_answer_is_passed_over_while_there_is_another() -> None:
    """The first one accepts and never answers, as a server does that was stopped with SIGSTOP; the
    other refuses.
    """
    with socket.socket() as hung, socket.socket() as free:
        hung.bind(("127.0.0.1", 0))
        hung.listen()
        free.bind(("127.0.0.1", 0))  # bound and not listening: it refuses
        hosts = tuple({"host": "127.0.0.1", "port": each.getsockname()[1]} for each in (hung, free))
        told: list[dict[str, Any]] = []
        errand = Errand("run", hosts, connect=0.3, rows=6)
        assert "its limit" in WritingClient(errand).write(threading.Event(), told.append)
        assert [line["code"] for line in told] == ["refused"] * 6
        waited = [line["done"] - line["began"] > 0.25 for line in told]
        assert waited == [True, False, False, False, False, False]


def with_a_canary(records: Path, run: str, **more: Any) -> Path:
    """A promote whose canary saw 110 ms, its files included."""
    folder = write_run(records, run, "promote", end=False)
    lines = (folder / "journal.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    told = {"rows": {"db0": "all 200", "db1": "all 200"}, "lost": {}, **more}
    event = {
        "n": last["n"] + 1,
        "at": last["at"],
        "event": "canary ended",
        **account_of(an_outage()),
        **told,
    }
    event["prev"] = hashlib.sha256(lines[-1].encode()).hexdigest()
    (folder / "journal.jsonl").write_text("\n".join([*lines, json.dumps(event)]) + "\n")
    (folder / "canary.svg").write_text("<svg/>")
    return folder


def test_a_record_tells_the_outage_as_the_canary_saw_it_and_says_so(tmp_path: Path) -> None:
    folder = with_a_canary(an_archive(tmp_path), "0d000001")
    told = summarise(read(folder))
    assert told["outage_as_seen"]["seconds"] == 0.11 and told["outage_seconds"] == 0.064
    everything = entries(tmp_path)
    row = next(line for line in str(listing(everything)).splitlines() if "0d000001" in line)
    assert "110 ms (canary)" in row and "64 ms (runbook)" in str(listing(everything))
    full = record_text(find(tmp_path, "0d000001"))
    assert (
        "110 ms (canary)" in full and "Of 205 attempts, 4 were refused and 1 never answered" in full
    )
    assert "outside of it a commit took 1 ms (median)" in full
    html = report(folder, told, "by hand")
    assert "110 ms without a commit" in html and "<strong>64 ms without a primary" in html
    assert html.count("data:image/svg+xml") == 1
    assert "Time without a commit, by the canary" in page(everything)
    other = find(tmp_path, "0a000002")
    timings = {
        timing.what: (timing.a, timing.b)
        for timing in compare(find(tmp_path, "0d000001"), other).totals
    }
    assert timings["outage, by the canary"] == (0.11, None)
    assert "outage, by the canary" not in {timing.what for timing in compare(other, other).totals}


def test_one_is_one_and_two_are_two() -> None:
    seen = {"seconds": 0.1, "attempts": 9, "refused": 1, "unanswered": 1}
    assert "1 was refused and 1 never answered" in as_seen({"outage_as_seen": seen})
    assert "2 were refused" in as_seen({"outage_as_seen": {**seen, "refused": 2}})


def test_a_lost_row_is_told_wherever_the_record_is(tmp_path: Path) -> None:
    folder = with_a_canary(
        tmp_path, "0d000002", lost={"db1": [17, 18]}, rows={"db1": "✗ 2 LOST: 17 to 18"}
    )
    for told in (
        record_text(find(tmp_path, "0d000002")),
        report(folder, summarise(read(folder)), "by hand"),
    ):
        assert "LOST on db1: [17, 18]" in told
