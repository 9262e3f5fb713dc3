"""Trends over all records of a pair, and tables of them for other programs."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from pgha_helpers.model.errors import BadParameters
from pgha_helpers.records.making.summary import summarise
from pgha_helpers.records.reading import export as exporting
from pgha_helpers.records.reading import figures as reading
from pgha_helpers.records.reading import index
from pgha_helpers.records.reading.entries import entries
from pgha_helpers.records.reading.export import columns_of, export
from pgha_helpers.records.reading.figures import Figures, figures_of
from pgha_helpers.records.reading.page import pages
from pgha_helpers.records.reading.past import past_of
from pgha_helpers.records.reading.trend_charts import lag_charts
from pgha_helpers.records.reading.trends import lag_periods, trends_of
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import Story

from .made_up import lag, measured, write_lag

SPREAD = {"count": 50, "least": 0.0, "median": 10.0, "p95": 60.0, "p99": 90.0, "most": 100.0}


def needs_parquet(ending: str) -> None:
    """An environment from before that extra may be without it; that of CI is not."""
    if ending == "parquet" and not os.environ.get("CI"):
        pytest.importorskip("pyarrow")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    records = tmp_path / "records"
    for day in range(40):
        sizes = {"node": "db0", "databases": 1e9 * (40 - day), "wal": 5e8}
        measured(records, day, day + 0.1, lag=lag(1024.0 * day, day / 10), sizes=sizes)
    done = {"notebook": "promote", "occasion": "switchover", "lag": None}
    measured(records, 900, 3, outage_seconds=0.07, **done)
    measured(records, 901, 2, outage_seconds=0.09, **done)
    spread = {"bytes": SPREAD, "seconds": SPREAD}
    write_lag(measured(records, 902, 0, lag=lag(100.0, 100.0, 50) | spread), "9.5,1,2,0.1,")
    return records


def test_a_row_a_run_has_all_that_its_record_tells(archive: Path) -> None:
    runs = figures_of(archive, "prod")
    assert len(runs) == 43 and [run.began for run in runs] == sorted(
        (run.began for run in runs), reverse=True
    )
    newest, *_, oldest = runs
    assert (newest.lag_samples, newest.lag_bytes_p50, newest.lag_seconds_p99) == (50, 10.0, 90.0)
    assert (oldest.databases_bytes, oldest.lag_bytes_p50, oldest.lag_bytes_max) == (
        1e9,
        1024.0 * 39,
        1024.0 * 39,
    )
    promotes = [run for run in runs if run.notebook == "promote"]
    assert [run.outage_seconds for run in promotes] == [0.09, 0.07]
    assert {run.outage_by for run in promotes} == {"runbook"} and newest.checks == 1
    assert all((run.record_bytes or 0) > 100 for run in runs)
    assert figures_of(archive, "other") == figures_of(archive / "nowhere", "prod") == []


def test_failover_ready_takes_the_lag_of_thirty_days_and_no_older(archive: Path) -> None:
    past = past_of(archive, "prod")
    assert past.lag_bytes and past.lag_bytes.most == 29 * 1024.0
    assert past.lag_seconds and past.lag_seconds.most == 100.0 and past.days == 30
    assert past.switchovers and past.switchovers.median == 0.08


def test_a_sealed_record_is_read_once_and_again_when_it_has_changed(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "_WORTH", 1)
    told, parsed, real = figures_of(archive, "prod"), list[str](), reading._read

    def counted(folder: Path) -> Figures:
        parsed.append(folder.name)
        return real(folder)

    monkeypatch.setattr(reading, "_read", counted)
    assert figures_of(archive, "prod") == told and not parsed
    changed = next(archive.glob("*-00000007")) / "record.json"
    changed.write_text(changed.read_text().replace('"ada"', '"eve"'))
    assert len([run for run in figures_of(archive, "prod") if run.operator == "eve"]) == 1
    assert parsed == [changed.parent.name]


def test_of_many_that_were_never_read_a_look_reads_some_and_every_promotion(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    few = figures_of(archive, "prod", most=10)
    assert 10 <= len(few) <= 12 and few[0].run == "00000386"
    assert sum(run.notebook == "promote" for run in few) == 2


def test_what_cannot_be_read_tells_nothing_and_hides_nothing(archive: Path) -> None:
    for number, text in enumerate(("", "[]", '{"lag": 7, "verdicts": "x", "outcome": []}', "\x00")):
        (next(archive.glob(f"*-{number:08x}")) / "record.json").write_text(text)
    assert len(figures_of(archive, "prod")) >= 39


def test_the_table_and_the_line_tell_each_figure_over_all_runs(archive: Path) -> None:
    told = trends_of(figures_of(archive, "prod"))
    rows = {row[0]: row[1:] for row in told.table().rows}
    assert rows["lag, in bytes"][:2] == ("41", "19 kB") and rows["lag, in bytes"][5] == "100 B"
    assert rows["outage of a switchover"][:2] == ("2", "80 ms")
    assert rows["databases"][5] == "37.3 GB" and rows["databases"][6].endswith("█")
    assert "time of a failover" not in rows, "no run tells it"
    assert told.line.startswith("In 43 records (median to 99 of 100): lag 19 kB to 39 kB; outage")
    assert "; databases 37.3 GB, once 953.7 MB." in told.line
    assert trends_of([]).line == "" and "no earlier run" in str(trends_of([]))


def test_the_lag_is_told_by_run_by_hour_or_by_day(archive: Path) -> None:
    runs = list(trends_of(figures_of(archive, "prod")).runs)
    what, told = lag_periods(runs, "bytes")
    assert what == "day" and len(told) in (40, 41) and told[0].spread.most == 39 * 1024.0
    what, told = lag_periods(runs[-5:], "seconds")
    assert what == "run" and told[-1].spread.p95 == 60.0
    hours = [run._replace(began=f"2026-11-30T0{n % 3}:00:00Z") for n, run in enumerate(runs)]
    what, told = lag_periods(sorted(hours, key=lambda run: run.began), "bytes")
    assert (what, told[0].name) == ("hour", "2026-11-30 00")


def test_the_page_has_charts_of_lag_and_of_sizes(archive: Path) -> None:
    found = entries(archive)
    ((_, text),) = pages(found, figures_of(archive, "prod"))
    for title in ("Lag in bytes, by day", "Lag in time, by day", "Runs by the worst lag"):
        assert title in text
    for title in ("Databases", "WAL on the primary", "All records together"):
        assert f"<figcaption>{title}</figcaption>" in text
    ((_, bare),) = pages(found)
    assert "How far behind" not in bare and "How much there is" not in bare


def test_an_axis_of_zeros_goes_up_to_one_whole_unit(tmp_path: Path) -> None:
    for number in range(3):
        measured(tmp_path, number, number + 0.1, lag=lag(0.0))
    for figure in lag_charts(figures_of(tmp_path, "prod")[::-1]):
        labels = [tick.label for tick in figure.y_ticks]
        assert labels == (["0", "1", "2", "3"] if figure.y_label == "runs" else ["0", "1"])
        assert figure.y_label in ("B", "s", "runs")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_has_a_row_a_run_with_its_types(archive: Path, tmp_path: Path, ending: str) -> None:
    needs_parquet(ending)
    file, runs = tmp_path / f"runs.{ending}", figures_of(archive, "prod")
    assert export(archive, runs, "runs", file) == 43
    told = pd.read_csv(file, parse_dates=["began"]) if ending == "csv" else pd.read_parquet(file)
    assert list(told.columns) == list(Figures._fields) and len(told) == 43
    assert str(told.began.dtype) == "datetime64[us, UTC]"
    assert told.lag_bytes_max.max() == 39 * 1024 and told.outage_seconds.count() == 2
    assert told.failover_seconds.isna().all() and not told.changed[told.notebook == "verify"].any()
    assert file.stat().st_mode & 0o777 == 0o600 and [*tmp_path.glob(".runs*")] == []


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_the_lag_has_a_row_a_sample(archive: Path, tmp_path: Path, ending: str) -> None:
    needs_parquet(ending)
    file = tmp_path / f"lag.{ending}"
    assert export(archive, figures_of(archive, "prod"), "lag", file) == 1
    told = pd.read_csv(file) if ending == "csv" else pd.read_parquet(file)
    assert list(told.columns) == list(columns_of("lag"))
    assert told.standby_bytes[0] == 2 and pd.isna(told.standby_seconds[0])
    assert str(told["at"][0]).replace(" ", "T").startswith("1970-01-01T00:00:09.5")
    assert export(archive, [], "lag", file) == 0, "and of none there is a head"


def test_what_cannot_be_written_is_refused_in_a_sentence(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(what: str, into: Path) -> str:
        with pytest.raises(BadParameters) as told:
            export(archive, [], what, into)
        return str(told.value)

    assert "its name must end in .csv or .parquet" in refused("runs", tmp_path / "x.xls")
    assert "it may be runs or lag" in refused("steps", tmp_path / "x.csv")
    assert "cannot be written: No such file" in refused("runs", tmp_path / "none" / "x.csv")
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    told = refused("runs", tmp_path / "x.parquet")
    assert "pyarrow, is not installed" in told and "pip install '.[parquet]'" in told
    assert os.listdir(tmp_path) == ["records"]  # noqa: PTH208
    assert export(archive, [], "runs", tmp_path / "x.csv") == 0, "which needs no pyarrow"


def test_the_guide_names_every_key_and_every_column() -> None:
    guide = (CHECKOUT / "docs" / "records.md").read_text()
    for name in (*summarise(Story((), "")), *columns_of("runs"), *columns_of("lag")):
        assert f"`{name}`" in guide, name
