"""Airflow, in an environment of its own, runs the DAG of docs/airflow by our engine: each pair is
verified, each record sealed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from pgha_helpers.records.reading.verification import verify
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters.pair_file import load_pair

from ..embedded import Lab
from .runs import changed_pair
from .servers import records

DOCS = CHECKOUT / "docs" / "airflow"
UV = "uv==0.13.9"  # pip takes a minute of processor time longer for Airflow's 200 packages
#: Of what requirements.txt leaves open nothing newer, which could break a test of ours.
UNTIL = "2026-11-29T00:00:00Z"


def did(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in an environment that knows nothing of ours."""
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "VIRTUAL_ENV", "PGHA", "AIRFLOW", "JUPYTER"))
    }
    words = [str(word) for word in command]
    return subprocess.run(
        words, env={**clean, **environment}, capture_output=True, text=True, timeout=200
    )


def well(*command: str | Path, **environment: str) -> str:
    done = did(*command, **environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs of an environment with Airflow, and with our engine, but none of our pins."""
    if os.environ.get("CI") != "true":
        pytest.skip("installs 600 MB of Airflow: CI=true runs it")
    folder = tmp_path_factory.mktemp("airflow")
    began = time.monotonic()
    venv.create(folder / "uv", with_pip=True)
    well(folder / "uv" / "bin" / "python", "-m", "pip", "install", "--quiet", UV)
    uv, cache = folder / "uv" / "bin" / "uv", {"UV_CACHE_DIR": str(folder / "cache")}
    well(uv, "venv", "--python", sys.executable, folder / "venv", **cache)
    install = (uv, "pip", "install", "--python", folder / "venv" / "bin" / "python")
    well(*install, "--exclude-newer", UNTIL, "-r", DOCS / "requirements.txt", **cache)
    well(*install, "--no-deps", CHECKOUT, **cache)
    size = sum(file.lstat().st_size for file in (folder / "venv").rglob("*")) / 1e6
    print(f"Airflow: {size:.0f} MB in {time.monotonic() - began:.0f} s")
    yield folder / "venv" / "bin"
    shutil.rmtree(folder)


@pytest.fixture
def pairs(pair: Lab, tmp_path: Path) -> Path:
    """A folder with a pair that is well, one with a wrong port, and one without sense."""
    folder = tmp_path / "parameters"
    folder.mkdir()
    shutil.copy(pair.pair_file, folder / "lab.yaml")
    changed_pair(pair, tmp_path, db1={"port": 9}).rename(folder / "ailing.yaml")
    changed_pair(pair, tmp_path, nods={}).rename(folder / "broken.yaml")
    return folder


def test_the_dag_verifies_every_pair_and_seals_each_record(
    airflow: Path, pair: Lab, pairs: Path, tmp_path: Path
) -> None:
    home = tmp_path / "pgha"  # where the guide has a checkout
    home.mkdir()
    (home / ".venv").symlink_to(sys.prefix)
    (home / "notebooks").symlink_to(CHECKOUT / "notebooks")
    kernel = (sys.executable, "-m", "ipykernel", "install", "--prefix", tmp_path)
    well(*kernel, "--name", "pgha")
    environment = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),  # with its SQLite
        "AIRFLOW__CORE__DAGS_FOLDER": str(DOCS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "180",
        "JUPYTER_PATH": str(tmp_path / "share" / "jupyter"),
        "PGHA_HOME": str(home),
        "PGHA_PARAMETERS": str(pairs),
        "PGHA_EXECUTED": str(tmp_path / "executed"),
    }
    (tmp_path / "executed").mkdir()
    known = set(records(pair))
    well(airflow / "airflow", "db", "migrate", **environment)
    done = did(airflow / "airflow", "dags", "test", "pgha_verify", **environment)
    told = done.stdout + done.stderr
    assert done.returncode == 1, told[-3000:]  # not every pair is well
    assert "lab: well: db0 is primary, db1 is its standby" in told
    assert "ailing: critical: db1: port 9 is wrong" in told

    made = {read(it).events[0]["pair"]: it for it in set(records(pair)) - known}
    assert {name: read(it).outcome for name, it in made.items()} == {
        "lab": "done",
        "ailing": "critical",
    }
    assert all((it / "notebook.ipynb").exists() for it in made.values())
    for name in made:
        assert not verify(load_pair(str(pairs / f"{name}.yaml"))).findings
    (left,) = (tmp_path / "executed").iterdir()  # it shows no run, so that no record takes it
    assert left.name.startswith("broken-")
    cells = json.loads(left.read_text())["cells"]
    states = [it["metadata"].get("papermill", {}).get("status") for it in cells]
    assert states.count("failed") == 1
    assert states[-1] == "pending", "papermill's own engine calls completed what has never run"


def test_the_two_environments_know_nothing_of_each_other(airflow: Path) -> None:
    """But that papermill, which runs our engine there, is the one that it was measured on."""
    assert find_spec("airflow") is None
    ours = (CHECKOUT / "requirements.txt").read_text().splitlines()
    version = "from importlib.metadata import version; print(version('papermill'))"
    assert f"papermill=={well(airflow / 'python', '-c', version).strip()}" in ours
