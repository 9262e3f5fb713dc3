"""Large files are made equal by page: whatever differs, by either road, and rsync is told which
they are.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgha_helpers.changes.deeds import rsync

PAGE, PROGRAM = 8192, Path(rsync.__file__).with_name("pages.pl")
CHUNK, STRIPE = 8, 512  # pages that are read at once, and that one of two processes takes in a row

#: Pages of the source, a piece of one at its end, pages that the target has more or fewer, and
#: those that are rotten.
SHAPES = st.tuples(
    st.integers(0, 2 * CHUNK + 1),
    st.integers(0, PAGE - 1),
    st.integers(-CHUNK - 1, CHUNK + 1),
    st.sets(st.integers(0, 2 * CHUNK), max_size=6),
)


@pytest.mark.parametrize("way", ["near", "far"])
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shapes=st.lists(SHAPES, min_size=1, max_size=3))
def test_every_byte_is_equal_afterwards(
    tmp_path: Path,
    need: Callable[..., None],
    way: str,
    shapes: list[tuple[int, int, int, set[int]]],
) -> None:
    need("perl", "perl")
    source, target, names = tmp_path / "source dir", tmp_path / "target", tmp_path / "names"
    for place in (source, target):
        place.mkdir(exist_ok=True)
    for number, (pages, rest, more, rotten) in enumerate(shapes):
        whole = b"".join(bytes([n % 251]) * PAGE for n in range(pages)) + b"e" * rest
        have = bytearray((whole + b"m" * PAGE * max(more, 0))[: max(0, len(whole) + more * PAGE)])
        for page in rotten:
            if page * PAGE + 103 < len(have):
                have[page * PAGE + 100 : page * PAGE + 103] = b"rot"
            else:
                have[page * PAGE + 100 : page * PAGE + 103] = b""
        (source / str(number)).write_bytes(whole)
        (target / str(number)).write_bytes(have)
    names.write_text("".join(f"{number}\n" for number in range(len(shapes))))
    told = _made_equal(way, source, target, names)
    for number in range(len(shapes)):
        assert (target / str(number)).read_bytes() == (source / str(number)).read_bytes()
    assert Path(f"{names}.done").read_text() == "".join(
        f"- /{number}\n" for number in range(len(shapes))
    )
    assert told["compared"] == sum(pages * PAGE + rest for pages, rest, _, _ in shapes)
    assert _made_equal(way, source, target, names)["written"] == 0


@pytest.mark.parametrize("way", ["near", "far"])
def test_only_pages_that_differ_are_written_and_what_is_gone_is_left_to_rsync(
    tmp_path: Path, need: Callable[..., None], way: str
) -> None:
    need("perl", "perl")
    source, target, names = tmp_path / "source", tmp_path / "target", tmp_path / "names"
    for place in (source, target):
        place.mkdir()
        (place / "1").write_bytes(bytes(100 * PAGE))
    (target / "2").write_bytes(bytes(PAGE))
    with (target / "1").open("r+b") as file:
        for page in (3, 4, 70):
            file.seek(page * PAGE + 8191)
            file.write(b"x")
    names.write_text("2\n1\n")
    told = _made_equal(way, source, target, names)
    assert (told["files"], told["written"]) == (1, 3 * PAGE)
    assert told["received"] < 3 * PAGE + 100 * 16 + 100 and told["sent"] < 100
    assert Path(f"{names}.done").read_text() == "- /1\n"


@pytest.mark.parametrize("pages", [STRIPE - 1, 2 * STRIPE, 3 * STRIPE + CHUNK + 1])
@pytest.mark.parametrize("more", [-2 * STRIPE, 0, 2 * STRIPE])
def test_two_processes_share_a_large_file(
    tmp_path: Path, need: Callable[..., None], pages: int, more: int
) -> None:
    need("perl", "perl")
    source, target, names = tmp_path / "source", tmp_path / "target", tmp_path / "names"
    whole = random.Random(pages).randbytes(pages * PAGE)
    have = bytearray(whole[: max(0, pages + more) * PAGE] + bytes(max(0, more) * PAGE))
    rotten = [
        page
        for page in (0, STRIPE - 1, STRIPE, 2 * STRIPE + 3)
        if page * PAGE < min(len(have), len(whole))
    ]
    for page in rotten:
        have[page * PAGE] ^= 1
    for place, content in ((source, whole), (target, have)):
        place.mkdir()
        (place / "1").write_bytes(content)
    names.write_text("1\n")
    told = _made_equal("near", source, target, names)
    assert (target / "1").read_bytes() == whole
    assert told["compared"] == len(whole)
    assert told["written"] == len(rotten) * PAGE + max(0, len(whole) - len(have))


def test_a_source_that_falls_silent_is_an_error_and_no_equal_file(
    tmp_path: Path, need: Callable[..., None]
) -> None:
    need("perl", "perl")
    (tmp_path / "1").write_bytes(bytes(100 * PAGE))
    (tmp_path / "names").write_text("1\n")
    for command in ("printf x", "exit 1", "printf '\\000\\004\\000\\000'"):
        argv = ["perl", PROGRAM, tmp_path, "far", tmp_path / "names", "sh", "-c", command]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert done.returncode and "the source said too little" in done.stderr
        assert (tmp_path / "names.done").read_text() == ""


def _made_equal(way: str, source: Path, target: Path, names: Path) -> dict[str, int]:
    there = ["sh", "-c", 'exec perl "$0" "$1" "$2"', PROGRAM, source] if way == "far" else [source]
    argv = ["perl", PROGRAM, target, way, names, *there]
    told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout
    return {word: int(number) for word, number in map(str.split, told.splitlines())}
