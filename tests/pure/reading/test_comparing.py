"""Two runs beside each other: parameters, settings, verdicts, deeds and lag."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pgha_helpers.model.lag_file import samples
from pgha_helpers.records.reading.compare import compare
from pgha_helpers.records.reading.entries import Entry
from pgha_helpers.records.reading.listing import in_json

from .made_up import DEEDS, two_runs, write_lag


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


def test_two_runs_are_compared(tmp_path: Path) -> None:
    found = compare(*two_runs(tmp_path))
    assert [(d.what, d.a, d.b) for d in found.parameters] == [
        ("confirm", "promote db1", "promote db0")
    ]
    assert [(d.what, d.a, d.b) for d in found.settings] == [
        ("db1 work_mem", "4MB", "8MB"),
        ("db0 work_mem", "4MB", "8MB"),
    ]
    assert [(d.a, d.b) for d in found.verdicts] == [("ok", "warning: 41 MB behind, 16 MB allowed")]
    assert [timing.what for timing in found.deeds] == [
        DEEDS[0][2],
        "stopped the primary",
        "promote",
    ]
    assert [round(timing.ratio or 0, 3) for timing in found.deeds] == [2.0, 2.0, 2.0]
    assert {timing.what: round(timing.b or 0, 3) for timing in found.totals}[
        "outage, by the runbook"
    ] == 0.128
    assert [lag.worst("bytes") for lag in found.lags] == [5120, 10240]
    told = found.text()
    assert re.search(r"db1 +promote +0\.042 s +0\.084 s  2 x", told) and "10 kB" in told
    read = json.loads(in_json(found.as_json()))
    assert [read[side]["run"] for side in "ab"] == [found.a.id, found.b.id]
    assert read["settings"][0] == {"what": "db1 work_mem", "a": "4MB", "b": "8MB"}
    assert read["worst_lag"]["b"]["bytes"] == 10240
    assert [row["what"] for row in read["durations"]][2] == "promote"


def test_the_way_there_and_the_way_back_are_the_same_deeds(tmp_path: Path) -> None:
    a, b = two_runs(tmp_path)
    names = {"db0": "db1", "db1": "db0"}
    back = [deed | {"node": names[deed["node"]]} for deed in b.told["deeds"]]
    found = compare(a, Entry(b.folder, {**b.told, "deeds": back[1:]}, False, "ended"))
    assert [timing.where for timing in found.deeds] == ["db0", "db0 / db1", "db1 / db0"]
    assert found.deeds[0].b is None and found.deeds[0].told == ""


def test_what_was_not_recorded_is_not_called_equal(tmp_path: Path) -> None:
    a, b = two_runs(tmp_path)
    old = Entry(
        b.folder, {key: value for key, value in b.told.items() if key != "settings"}, False, "ended"
    )
    found = compare(a, old)
    assert (
        found.settings == () and "B recorded no settings, so they are not compared" in found.notes
    )
