"""Records told in a terminal: a row for each, and one in full."""

from __future__ import annotations

import re
from pathlib import Path

from pgha_helpers.records.reading.entries import entries, find
from pgha_helpers.records.reading.listing import listing
from pgha_helpers.records.reading.showing import record_text

from .made_up import HOSTILE, an_archive, write_run


def test_the_list_has_a_row_per_record_and_no_control_characters(tmp_path: Path) -> None:
    write_run(an_archive(tmp_path), "0c000006", reason=HOSTILE, at="20261123T080000Z")
    told = str(listing(entries(tmp_path)))
    rows = told.splitlines()
    assert len(rows) == 7 and "\x1b" not in told
    assert rows[0].split() == [
        "began",
        "run",
        "notebook",
        "outcome",
        "changed",
        "outage",
        "ticket",
        "reason",
    ]
    assert re.match(
        r"2026-11-21 08:00:00Z  0a000002  promote   done      yes      64 ms \(runbook\)  OPS-7 ",
        rows[5],
    )


def test_one_record_is_told_in_full(tmp_path: Path) -> None:
    folder = write_run(
        tmp_path, notebook="promote", outcome="failed", reason=HOSTILE, level="critical"
    )
    told = record_text(find(tmp_path, "0000000a"))
    for words in (
        "✗ promote 0000000a: failed",
        "db0: primary → standby; db1: standby → primary; 3 steps changed something, 1 failed.",
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
    assert "\x1b" not in told and "<script>" in told, (
        "a terminal runs no script, and the words are evidence"
    )
