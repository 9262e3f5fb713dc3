"""What is scheduled runs: by cron's own daemon, by a timer of a systemd that is process 1."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pgha_helpers.monitoring.schedule import JOBS, crontab, drill_of, units
from pgha_helpers.run.journal import read

from .. import embedded as lab
from ..conftest import pgha
from .runs import changed_pair
from .schedulers import cron, systemd
from .servers import records

_PATIENCE = 110.0  # seconds: cron wakes once a minute


@pytest.fixture(scope="module")
def _root(need: Callable[..., None]) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, for mounts that only a scheduler sees")
    need("unshare", "util-linux")


def outcome_of_a_new_run(pair: lab.Lab, before: set[str]) -> str:
    """How the next scheduled run has ended."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        for folder in records(pair):
            if folder.name not in before and (folder / "manifest.json").exists():
                return read(folder).outcome
        time.sleep(0.2)
    return "none came"


@pytest.mark.usefixtures("_root")
def test_cron_runs_it_with_the_environment_that_cron_has(
    pair: lab.Lab, need: Callable[..., None], tmp_path: Path
) -> None:
    need("cron", "cron")
    printed = pgha("schedule", str(pair.pair_file)).stdout
    (light,) = [line for line in printed.splitlines() if "light=true" in line]
    every_minute = re.sub(r"^\S+( \* \* \* \* )", r"*\1", light)
    before = {folder.name for folder in records(pair)}
    with cron(tmp_path, f"{every_minute}\n") as mails:
        assert outcome_of_a_new_run(pair, before) == "done", (tmp_path / "said").read_text()
        (new,) = [folder for folder in records(pair) if folder.name not in before]
        assert sum(path.stat().st_size for path in new.iterdir()) <= 60_000
        assert not (new / "notebook.ipynb").exists() and (new / "report.html").exists()
        time.sleep(0.5)
        assert [mail.read_text() for mail in mails.iterdir()] == [], "nothing is new: no mail"


@pytest.mark.usefixtures("_root")
def test_a_timer_of_systemd_runs_it(
    pair: lab.Lab, need: Callable[..., None], tmp_path: Path
) -> None:
    need("systemd-nspawn", "systemd-container")
    need("dbus-daemon", "dbus")
    made = dict(units("lab", pair.pair_file, [job for job in JOBS if job.name == "light"]))
    made = {
        name: text.replace("OnCalendar=*:0/5", "OnCalendar=*:*:0/5").replace("4min", "0")
        for name, text in made.items()
    }
    before = {folder.name for folder in records(pair)}
    with systemd(tmp_path, made, pair.folder) as said:
        assert outcome_of_a_new_run(pair, before) == "done", said.read_text()


def test_systemd_finds_nothing_wrong_with_the_units(
    need: Callable[..., None], tmp_path: Path
) -> None:
    need("systemd-analyze", "systemd")
    file = tmp_path / "pairs of 100% $HOME" / "prod-eu.yaml"
    paths = []
    for name, text in units("prod-eu 1", file, [*JOBS, drill_of("prod-eu 1")], ["PGHA_CHAT"]):
        paths.append(tmp_path / name)
        paths[-1].write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *paths], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    for job in JOBS:
        asked = ["systemd-analyze", "calendar", job.calendar]
        assert subprocess.run(asked, capture_output=True, timeout=60).returncode == 0


def test_a_crontab_is_read_as_it_was_meant(tmp_path: Path) -> None:
    """Percent signs end a command there."""
    file = tmp_path / "100% o'clock.yaml"
    lines = [line for line in crontab("prod", file).splitlines() if not line.startswith("#")]
    assert len(lines) == len(JOBS)
    for line in lines:
        assert re.match(r"([\d*/-]+ ){3}\* [\d*] flock ", line) and not re.search(r"(?<!\\)%", line)
        command = line.split(" ", 5)[5].replace("\\%", "%").replace("flock", "printf '%s\\n'", 1)
        said = subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout
        assert str(file) in said.splitlines()


def test_what_the_pair_file_reads_from_the_environment_is_told(
    pair: lab.Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else notices go out by hand, and never from cron."""
    monkeypatch.setenv("PGPASSFILE", "/home/$ann/100%")
    addresses = {"notify": ["env:PGHA_CHAT"], "heartbeat": "env:PGHA_BEAT"}
    path = changed_pair(pair, tmp_path, **addresses, secret_variables=["VIP_TOKEN"])
    told = pgha("schedule", str(path)).stdout
    for name in ("PGHA_CHAT", "PGHA_BEAT", "VIP_TOKEN"):
        assert f"# cron has no {name}, which the pair file names: " in told
    told = pgha("schedule", str(path), "--systemd").stdout
    assert "PGHA_CHAT and PGHA_BEAT and VIP_TOKEN, mode 0600:" in told
    assert "\nEnvironmentFile=-/etc/pgha/environment\n" in told
    assert 'Environment="PGPASSFILE=/home/$ann/100%%"' in told, "systemd expands no $ there"


def test_pairs_do_not_all_begin_at_once(tmp_path: Path) -> None:
    lines = {crontab(f"pair{number}", tmp_path / "x").splitlines()[2][:8] for number in range(40)}
    assert len(lines) == 5
