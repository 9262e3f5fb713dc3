"""Status for programs: each form read by its own kind of reader."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.judgement.checks import HEALTHY, judge, readiness
from pgha_helpers.model import Past, Silent, Snapshot, Spread
from pgha_helpers.model.survey import Archiver, Pace
from pgha_helpers.monitoring.forms import json_text, nagios_line
from pgha_helpers.monitoring.node_status import rows_of
from pgha_helpers.monitoring.prometheus import METRICS, write_prometheus
from pgha_helpers.monitoring.status import LEVELS, PairStatus
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.redaction import Redactor

from .pictures import EARLIER, disk, healthy, primary, seen, standby, survey
from .status_forms import LINE, metrics

DOCS = CHECKOUT / "docs"
TAKEN = "2026-11-30T02:43:27.731Z"
PAST = Past(
    Spread.of([0.07, 0.05, 0.12]), Spread.of([1.4]), Spread.of([0, 0, 4096]), Spread.of([0, 0.5, 2])
)
LOST = PairStatus("lost", TAKEN, trouble="there is no pair 'lost' in /etc/pgha")


def status(now: Snapshot, name: str = "prod", past: Past = PAST) -> PairStatus:
    verdicts = judge(HEALTHY, now)
    ready = readiness(now, verdicts, past)
    return PairStatus(name, TAKEN, 0.5, rows_of(now), verdicts, ready, now)


def paused() -> PairStatus:
    """One whose replay is paused, with something to do for the archive."""
    sender = replace(primary().senders[0], flushed=EARLIER, replayed=EARLIER, replay_lag=12.0)
    archiver = Archiver("on", "", "", False, waiting=2, oldest=0.5, segment=0.75)
    db0 = survey(archiver=archiver, pace=Pace(1000, 64 * 1024 * 1024, 10.0))
    started = {"started": "2026-11-22 19:46:31.25+00"}
    behind = standby(replayed=EARLIER, replay_paused=True, **started)
    return status(seen(primary(senders=(sender,), **started), behind, {"db0": db0}))


def as_json(*told: PairStatus) -> Any:
    return json.loads(json_text(told, Redactor()))


def shortened(told: Any) -> Any:
    """Of the checks of each pair only the first two that differ in level: a page, and no list."""
    for pair in told["pairs"]:
        levels = {check["level"]: check for check in reversed(pair["checks"])}
        pair["checks"] = list(levels.values())
    return told


def example() -> str:
    told = shortened(as_json(paused(), status(healthy(), "quiet"), LOST))
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def test_the_example_of_the_json_is_what_is_printed() -> None:
    """`python -m tests.pure.test_status_forms` writes it anew."""
    assert (DOCS / "status.example.json").read_text() == example()


def keys_of(told: Any) -> set[str]:
    if isinstance(told, list):
        return set().union(*map(keys_of, told))
    if not isinstance(told, dict):
        return set()
    return set(told) | set().union(*map(keys_of, told.values()))


def test_every_key_and_every_metric_is_described() -> None:
    guide = (DOCS / "status.md").read_text()
    known = set(re.findall(r"`(\w+)`", guide))
    assert not keys_of(as_json(paused(), status(healthy()))) - known
    rows = set(re.findall(r"^\| `pgha_(\w+)` \| (.*?) \| (.*?) \|$", guide, re.M))
    told = {(n, ", ".join(f"`{it}`" for it in labels.split()), w) for n, w, labels in METRICS}
    assert rows == told


def test_the_json_tells_every_check_by_its_name() -> None:
    (pair,) = as_json(status(healthy()))["pairs"]
    assert [check["check"] for check in pair["checks"]] == [check.name for check in HEALTHY]
    assert pair["checks"][0]["check"] == "both_nodes_answer"


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ([status(healthy())], "ok"),
        ([paused()], "critical"),
        ([status(seen(primary(), Silent("db1", "a|b\nno route")))], "critical"),
        ([status(seen(primary(disk=disk(free_bytes=500 * 1024**2)), standby()))], "warning"),
        ([LOST], "unknown"),
        ([status(healthy(), "a b='x|y"), paused(), LOST], "critical"),
        ([status(healthy(), past=Past())], "ok"),
    ],
)
def test_the_line_is_one_that_a_monitoring_system_reads(told: list[PairStatus], level: str) -> None:
    line = nagios_line(told)
    found = LINE.fullmatch(line)
    assert found, line
    assert found[1] == level.upper() and len(line) < 4096
    assert as_json(*told)["exit_code"] == LEVELS[level]


def test_the_line_begins_with_what_a_person_must_know() -> None:
    all_ = len(HEALTHY)
    assert nagios_line([status(healthy())]).startswith(
        f"PGHA OK: prod: db0 is primary, db1 is standby, 0 B and 0 ms behind. {all_} of {all_} "
        f"checks say yes. Ready: switchover yes, failover yes. | 'not_ok'=0;;;0;{all_} "
        "'lag_bytes'=0B;;16777216;0"
    )
    assert "PGHA CRITICAL: prod: replay is paused on db1" in nagios_line([paused()])


def test_fifty_pairs_that_are_bad_are_still_one_line_with_all_figures() -> None:
    line = nagios_line([replace(paused(), pair=f"pair{n}") for n in range(50)])
    assert LINE.fullmatch(line) and line.count("::lag_bytes'=") == 50


def test_the_metrics_are_what_the_collector_reads(tmp_path: Path) -> None:
    file = tmp_path / "pgha.prom"
    write_prometheus(file, [paused(), status(healthy(), 'odd"\\\n'), LOST])
    told = metrics(file)
    assert told["pgha_status"] == {("prod",): 2, ('odd"\\\n',): 0, ("lost",): 3}
    assert told["pgha_node_primary"]["prod", "db0"] == 1
    assert told["pgha_lag_bytes"]["prod", "db1"] == 64 * 1024
    assert told["pgha_check_status"]["prod", "replay_is_not_paused"] == 2
    assert told["pgha_ready"]["prod", "switchover", "no"] == 1
    assert told["pgha_ready"]["prod", "failover", "yes"] == 1
    assert told["pgha_expected_loss_commits"]["prod",] == 1
    assert {name for name, values in told.items() if values} == {f"pgha_{n}" for n, *_ in METRICS}
    assert file.stat().st_mode & 0o777 == 0o644 and list(tmp_path.iterdir()) == [file]


def test_whoever_reads_while_it_is_written_reads_a_whole_file(tmp_path: Path) -> None:
    file, over = tmp_path / "pgha.prom", threading.Event()
    write_prometheus(file, [paused()])

    def write() -> None:
        while not over.is_set():
            write_prometheus(file, [paused()])

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        assert all(len(metrics(file)["pgha_check_status"]) == len(HEALTHY) for _ in range(50))
    finally:
        over.set()
        for writer in writers:
            writer.join()


def test_no_form_tells_a_secret() -> None:
    now = seen(primary(), Silent("db1", "password=hunter22 is wrong"))
    told = json_text([status(now)], Redactor(["hunter22"]))
    assert "is wrong" in told and "hunter22" not in told


if __name__ == "__main__":
    (DOCS / "status.example.json").write_text(example())
