"""Records are found by filters, by their ids and beginnings of these, and nothing else is taken for
one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pgha_helpers.model.errors import BadParameters
from pgha_helpers.records.reading.entries import entries, find
from pgha_helpers.records.reading.wanted import Wanted

from .made_up import an_archive, ids, write_run


def test_records_are_found_newest_first_and_other_peoples_files_are_passed_over(
    tmp_path: Path,
) -> None:
    assert ids(entries(an_archive(tmp_path))) == [
        "0b000005",
        "0b000004",
        "0b000003",
        "0a000002",
        "0a000001",
    ]
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


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "2026-02-30", "22.11.2026", "2026-11-22T08:00:00+01:00"]
)
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
