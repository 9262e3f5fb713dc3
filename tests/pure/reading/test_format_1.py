"""Records that 0.1 made are read by today's code: a setup, a promotion with a canary, a verify, and
a rebuild that had nothing to do, signed and chained, as they were left.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from pgha_helpers.model import DeedKind, Pair
from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.records.making.summary import SUMMARY, summarise
from pgha_helpers.records.reading.compare import compare
from pgha_helpers.records.reading.comparison_page import comparison_page
from pgha_helpers.records.reading.entries import Entry, entries
from pgha_helpers.records.reading.listing import listing
from pgha_helpers.records.reading.page import page
from pgha_helpers.records.reading.report import report
from pgha_helpers.records.reading.showing import record_text
from pgha_helpers.records.reading.verification import verify
from pgha_helpers.run.events import DEED_BEGUN
from pgha_helpers.run.journal import read

from ..pictures import pair

HERE = Path(__file__).parent
#: By notebook: the outcome that 0.1 told, and how many deeds.
TOLD = {
    "setup": ("done", 14),
    "promote": ("done", 22),
    "verify": ("done", 0),
    "rebuild": ("already so", 0),
}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The pair of those records, and a copy of them."""
    folder = tmp_path_factory.mktemp("0.1")
    with tarfile.open(HERE / "records-0.1.tar.xz") as archive:
        archive.extractall(folder / "records", filter="data")
    signer = folder / "signers"
    signer.write_text(f"tester {(HERE / 'records-0.1.sign.pub').read_text()}")
    return pair(name="old", records=str(folder / "records"), allowed_signers=str(signer))


def by_notebook(old: Pair) -> dict[str, Entry]:
    return {str(entry.told["notebook"]): entry for entry in entries(Path(old.records))}


def test_each_is_listed_with_its_outcome_and_its_deeds(old: Pair) -> None:
    found = by_notebook(old)
    told = {name: (e.told["outcome"], len(e.told["deeds"])) for name, e in found.items()}
    assert told == TOLD and all(entry.sealed and entry.legible for entry in found.values())
    text = str(listing(found.values()))
    assert "235 ms (canary)" in text and "promote" in text


@pytest.mark.parametrize("notebook", TOLD)
def test_all_that_0_1_told_of_a_run_is_told_today(old: Pair, notebook: str) -> None:
    """The outage, the deeds, who and what; kinds and roles came later."""
    folder = by_notebook(old)[notebook].folder
    then = json.loads((folder / SUMMARY).read_text())
    now = json.loads(json.dumps(summarise(read(folder))))
    for deed in now["deeds"]:
        assert deed.pop("kind") in set(DeedKind)
    for when in ("before", "after"):
        for seen in (now[when] or {}).values():
            assert seen.pop("role") in ("primary", "standby", "no cluster")
    assert {key: now[key] for key in then} == then


def test_every_deed_of_it_has_a_kind(old: Pair) -> None:
    for folder in record_folders(Path(old.records)):
        story = read(folder)
        assert story.format == 1 and story.state == "ended" and not story.broken
        begun = [event["kind"] for event in story.events if event["event"] == DEED_BEGUN]
        assert all(begun), "0.1's words are all known"
    promoted = [deed["kind"] for deed in by_notebook(old)["promote"].told["deeds"]]
    stop = promoted.index(DeedKind.STOP_PRIMARY)
    assert promoted[stop - 1] == DeedKind.ARM and DeedKind.PROMOTE in promoted[stop:]


def test_its_signatures_and_its_chain_hold(old: Pair) -> None:
    done = verify(old)
    assert (done.records, done.findings) == (4, []), done
    assert not any("not signed" in note for note in done.notes)


def test_it_is_shown_compared_and_paged(old: Pair) -> None:
    found = by_notebook(old)
    shown = record_text(found["promote"])
    assert "235 ms (canary)" in shown and "db0: primary → standby; db1: standby → primary" in shown
    assert "215 ms without a primary" in report(
        found["promote"].folder, dict(found["promote"].told), ""
    )
    both = compare(found["setup"], found["promote"])
    shared = [timing.what for timing in both.deeds if timing.ratio]
    assert "make slot pgha_db1" in shared and "prove that it can replicate from db0" in shared
    assert "outage, by the canary" in both.text() and "<svg" in comparison_page(both)
    assert "promote" in page(found.values())
