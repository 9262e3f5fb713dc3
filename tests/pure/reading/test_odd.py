"""Whatever has become of a record, it is shown, and says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgha_helpers.model.errors import BadParameters
from pgha_helpers.records.making.chain_notes import notes_of
from pgha_helpers.records.making.earlier_runs import known_rates, last_known
from pgha_helpers.records.making.provenance import unfinished
from pgha_helpers.records.reading.compare import compare
from pgha_helpers.records.reading.entries import entries
from pgha_helpers.records.reading.listing import listing
from pgha_helpers.records.reading.page import page
from pgha_helpers.records.reading.report import report
from pgha_helpers.records.reading.showing import record_text
from pgha_helpers.run.events import FORMAT
from pgha_helpers.run.journal import JOURNAL, Event, Journal, read

from .made_up import write_run


def edited(folder: Path) -> None:
    text = (folder / JOURNAL).read_text()
    (folder / JOURNAL).write_text(text.replace('"operator": "ada"', '"operator": "eve"'))


def of_a_later_format(folder: Path) -> None:
    (folder / JOURNAL).unlink()
    journal = Journal(folder)
    journal.write("run begun", format=FORMAT + 1, run="x", notebook="verify", pair="prod")
    journal.write("run ended", outcome="done")
    journal.close()


def misshapen(folder: Path) -> None:
    (folder / JOURNAL).unlink()
    journal = Journal(folder)
    journal.write(
        "run begun", run="x", notebook="verify", pair="prod", operator=["a"], reason={"b": 1}
    )
    journal.write("judged", verdicts="all well")
    journal.write("run ended", outcome="done")
    journal.close()


@pytest.mark.parametrize(
    ("break_it", "outcome", "why"),
    [
        (edited, "unreadable", "does not continue"),
        (misshapen, "unreadable", "verdicts are not what"),
        (
            lambda folder: (folder / JOURNAL).write_bytes(b"\xff\xfe\n[1]\nnull\n"),
            "unreadable",
            "line 1",
        ),
        (lambda folder: (folder / JOURNAL).write_bytes(b""), "interrupted", ""),
        (lambda folder: (folder / JOURNAL).unlink(), "not begun", ""),
        (
            lambda folder: ((folder / JOURNAL).unlink(), (folder / "record.json").touch()),
            "unreadable",
            "missing",
        ),
        (
            lambda folder: (folder / "record.json").write_text('{"format": 99}'),
            "newer version",
            "newer version",
        ),
        (
            lambda folder: (folder / "manifest.json").write_text('{"format": 99}'),
            "newer version",
            "newer version",
        ),
        (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "done", ""),
        (of_a_later_format, "newer version", "newer version"),
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
    for told in (
        str(listing([found])),
        record_text(found),
        page([found]),
        report(folder, found.told, "by hand"),
    ):
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


ODD = st.sampled_from(
    [None, True, -1, 1e999, 10**30, "", "x", "9" * 40, "\udce9", [], [1], [[]], {}, {"at": 1}]
)


@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(st.data())
def test_no_fact_of_a_journal_that_is_whole_ends_in_pythons_words(data: st.DataObject) -> None:
    """Chained as it should be, by another version or another hand: whatever stands in it."""
    with TemporaryDirectory() as place:
        folder = write_run(Path(place), "0000000a", "promote", confirm="promote db1")
        events = read(folder).events
        event = data.draw(st.sampled_from(events))
        inside = data.draw(st.sampled_from([event, *_containers(event)]))
        key = data.draw(
            st.sampled_from(sorted(inside) if isinstance(inside, dict) else range(len(inside)))
        )
        if inside is not event or key not in ("n", "prev"):
            inside[key] = data.draw(ODD)
        (folder / JOURNAL).unlink()
        _write(folder / JOURNAL, events)
        (found,) = entries(Path(place))
        told = (
            str(listing([found])),
            record_text(found),
            page([found]),
            report(folder, found.told, "by hand"),
        )
        assert all(told)
        last_known(Path(place), "prod", "db1", "7711")
        known_rates(Path(place), "prod")
        list(notes_of(folder, read(folder)))
        unfinished("promote", "prod", Path(place), Path(place))


def _containers(value: Any) -> list[Any]:
    inner = list(value.values() if isinstance(value, dict) else value)
    held = [one for one in inner if isinstance(one, dict | list) and one]
    return [*held, *(deeper for one in held for deeper in _containers(one))]


def _write(path: Path, events: Sequence[Event]) -> None:
    previous, lines = "", []
    for event in events:
        line = json.dumps({**event, "prev": previous}).encode("utf-8")
        previous = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    path.write_bytes(b"".join(lines))
