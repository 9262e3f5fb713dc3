"""Many records: what was read of sealed ones is kept, and thrown away when a file changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pgha_helpers.model import Pair
from pgha_helpers.records.reading import entries as reading
from pgha_helpers.records.reading import index, page
from pgha_helpers.records.reading.entries import Entry, entries

from ..made_records import left, ran


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a user for whom one record is many."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "_WORTH", 1)
    return tmp_path / "cache" / "pgha"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every record whose journal is read from now on."""
    seen: list[Path] = []
    real = reading._entry

    def counted(folder: Path) -> Entry:
        seen.append(folder)
        return real(folder)

    monkeypatch.setattr(reading, "_entry", counted)
    return seen


def shown(folder: Path) -> list[tuple[object, ...]]:
    keys = ("run", "notebook", "pair", "began", "outcome", "operator", "changed")
    return [tuple(entry.told.get(key) for key in keys) for entry in entries(folder)]


def test_a_sealed_record_is_read_once(here: Pair, kept: Path, parsed: list[Path]) -> None:
    records, unsealed = Path(here.records), left(here)
    first = [ran(here), ran(here)]
    told = shown(records)
    assert set(parsed) == {*first, unsealed}
    parsed.clear()
    assert shown(records) == told and parsed == [unsealed], "what is not sealed is read again"
    new = ran(here)
    parsed.clear()
    assert len(shown(records)) == 4 and set(parsed) == {new, unsealed}


@pytest.mark.parametrize("name", ["journal.jsonl", "manifest.json", "record.json"])
def test_a_file_that_has_changed_is_read_again(
    here: Pair, kept: Path, parsed: list[Path], name: str
) -> None:
    folder = ran(here)
    entries(Path(here.records))
    path = folder / name
    found = path.stat()
    path.write_text(path.read_text().replace("Ann", "Eve"))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    parsed.clear()
    entries(Path(here.records))
    assert parsed == [folder], "also where its size and its time are as they were"


@pytest.mark.parametrize(
    "spoiled", ["", "[]", '{"format": 1, "records": []}', '{"format": 9}', "x"]
)
def test_a_spoiled_index_is_thrown_away(
    here: Pair, kept: Path, parsed: list[Path], spoiled: str
) -> None:
    folder = ran(here)
    told = shown(Path(here.records))
    (path,) = kept.iterdir()
    path.write_text(spoiled)
    parsed.clear()
    assert shown(Path(here.records)) == told and parsed == [folder]


def test_where_nothing_can_be_kept_all_is_read(
    here: Pair, kept: Path, parsed: list[Path], tmp_path: Path
) -> None:
    kept.parent.write_text("a file in its place")
    folder = ran(here)
    assert shown(Path(here.records)) == shown(Path(here.records)) and parsed == [folder, folder]


def test_a_user_without_a_home_keeps_nothing(here: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(index, "_WORTH", 1)
    ran(here)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert len(shown(Path(here.records))) == 1


def test_few_records_leave_no_index(
    here: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ran(here)
    entries(Path(here.records))
    assert not (tmp_path / "cache").exists()


def test_many_runs_have_a_page_for_each_month(here: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_NEWEST", 2)
    folders = [ran(here) for _ in range(3)]
    told = dict(page.pages(entries(Path(here.records))))
    month = f"index-{folders[0].name[:4]}-{folders[0].name[4:6]}.html"
    assert list(told) == ["index.html", month]
    assert (
        told["index.html"].count('class="record"') == 2 and f'href="{month}"' in told["index.html"]
    )
    assert told[month].count('class="record"') == 3 and 'href="index.html"' in told[month]
    assert [name for name, _ in page.pages(entries(Path(here.records))[:2])] == ["index.html"]
