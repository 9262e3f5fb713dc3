"""Where the WAL of two nodes parts, by files that were made byte by byte: no server runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from struct import pack

import pytest

from pgha_helpers.facts.wal.by_bytes import PAGE
from pgha_helpers.facts.wal.divergence import (
    Parting,
    digest_before,
    find_divergence,
    same_before,
)
from pgha_helpers.model import Lsn, Node, Pair, Position
from pgha_helpers.wire.doors import Door

from .made_wal import SEGMENT, Wal


class Two:
    """The primary and the other node, each with a directory of WAL on this machine."""

    def __init__(self, folder: Path) -> None:
        nodes = [Node(n, "localhost", f"{folder}/{n}", "/nowhere") for n in ("db0", "db1")]
        pair = Pair("p", (nodes[0], nodes[1]))
        self.ours, self.theirs = Door(nodes[0], pair), Door(nodes[1], pair)

    def put(self, ours: Wal, theirs: Wal, since: int = 0) -> None:
        ours.put(Path(self.ours.wal), since)
        theirs.put(Path(self.theirs.wal), since)

    def parting(self, timeline: int, end: int) -> Parting:
        return find_divergence(self.ours, self.theirs, Position(timeline, Lsn(end)), SEGMENT)

    def same(self, timeline: int, end: int) -> bool | None:
        at = Position(timeline, Lsn(end))
        same = same_before(self.ours, self.theirs, at, SEGMENT)
        digests = {digest_before(door, at, SEGMENT) for door in (self.ours, self.theirs)}
        assert (len(digests) == 1 and "" not in digests) == (same is True)
        return same


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    found = Two(tmp_path)
    with contextlib.closing(found.ours), contextlib.closing(found.theirs):
        yield found


def _scribbled(wal: Wal, kind: str) -> Wal:
    """The same where its newest segment was switched away from: what a primary has behind that."""
    number, data = max(wal.data.items())
    end = wal.last % SEGMENT + 24
    if kind == "headers of empty pages":  # as up to 10
        for page in range(-(-end // PAGE) * PAGE, SEGMENT, PAGE):
            address = number * SEGMENT + page
            data[page : page + 24] = pack("<HHIQIxxxx", 0xD118, 0, wal.timeline, address, 0)
    else:  # as up to 9.3
        data[end:] = b"of another time " * ((SEGMENT - end) // 16) + bytes((SEGMENT - end) % 16)
    return wal


@pytest.mark.parametrize("kind", ["headers of empty pages", "an older file"])
def test_what_lies_behind_a_switch_is_no_wal(two: Two, kind: str) -> None:
    """The fork is at the begin of the segment after it, and what is before that is gone."""
    common = Wal()
    common.commit("both have it")
    common.switch()
    loser, primary = _scribbled(common.copy(), kind), common.copy()
    fork = loser.at
    loser.commit("only the loser's")
    two.put(primary, loser)
    assert two.same(1, fork)
    assert two.parting(1, fork) == Parting(Position(1, Lsn(fork)), known=True)


def test_a_switch_hides_nothing_that_was_written_before_it(two: Two) -> None:
    """Both have left the segment, one of them with a commit more."""
    common = Wal()
    common.commit("both have it")
    loser, primary = common.copy(), common.copy()
    at = loser.commit("only the loser's")
    loser.switch()
    primary.switch()
    two.put(primary, _scribbled(loser, "an older file"))
    assert two.same(1, loser.at) is False
    assert two.parting(1, loser.at).at == Position(1, at)


#: How many bytes before the end of its segment, or of the first page, the common WAL ends.
_PLACES = {
    "in the middle of a page": SEGMENT - 1000,
    "in a record that crosses a page": SEGMENT - PAGE + 32,
    "at a page's begin": SEGMENT - PAGE,
    "in a record that crosses a segment": 32,
    "at a segment's begin": 0,
}


@pytest.mark.parametrize("before", [True, False], ids=["its WAL is there", "its WAL is gone"])
@pytest.mark.parametrize("place", _PLACES)
def test_the_first_record_that_differs_is_found(two: Two, place: str, before: bool) -> None:
    """On one timeline, so that no history file tells."""
    common = Wal()
    common.commit("both have it")
    common.switch()
    common.fill(_PLACES[place])
    loser, primary = common.copy(), common.copy()
    at = loser.commit("only the loser's, and long enough to go on " * 2)
    primary.commit("only the primary's, and it is as long as it " * 2)
    two.put(primary, loser, since=1 if before else common.at // SEGMENT)
    found = two.parting(1, min(loser.at, primary.at))
    # where the first byte that differs is in another segment, the record has begun before it
    assert at - 40 <= found.at.lsn <= at + 64 and found.at.lsn < loser.at
    assert found.known or not before


def test_what_was_written_on_the_timeline_before_proves_it_too(two: Two) -> None:
    """A standby that opens soon after a promotion: the timeline's own segment is the first."""
    before = Wal()
    before.commit("on timeline 1")
    before.switch()
    common = before.copy(timeline=2)
    common.commit("both have it")
    loser, primary = common.copy(), common.copy()
    at = loser.commit("only the loser's")
    primary.commit("only the primary's")
    two.put(primary, loser)
    end = min(loser.at, primary.at)
    assert two.parting(2, end) == Parting(Position(2, at), known=False)
    two.put(before, before)
    assert two.parting(2, end) == Parting(Position(2, at), known=True)


def test_where_nothing_is_left_to_compare_it_is_no_proof(two: Two) -> None:
    common = Wal()
    common.commit("both have it")
    common.switch()
    loser = common.copy()
    loser.commit("only the loser's")
    two.put(common, loser)
    (Path(two.ours.wal) / "000000010000000000000001").unlink()
    assert two.same(1, common.at) is None
    assert two.parting(1, common.at) == Parting(Position(1, Lsn(common.at)), known=False)
