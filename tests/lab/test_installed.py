"""What `pip install .` and `make` put on a machine: the package without its checkout, and the words
when there is no network.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from pgha_helpers.run.checkout import CHECKOUT

from ..embedded import Lab

_BESIDE = ("requirements.txt", "README.md", "LICENSE")  # what pyproject.toml names
_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def run(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, **more}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=told, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Python's packages with ours in it, built as `pip install .` builds it."""
    folder = tmp_path_factory.mktemp("installed")
    # pip builds where the sources lie, and what an earlier build has left there goes in
    source = folder / "source"
    source.mkdir()
    for name in ("pgha_helpers", "notebooks", "parameters", "pyproject.toml", *_BESIDE):
        run("cp", "-a", CHECKOUT / name, source, cwd=folder).check_returncode()
    (source / "parameters" / "prod.yaml").write_text("host: somebody's own\n")
    words = ("install", "--no-deps", "--no-build-isolation", "--target", folder / "packages")
    done = run(*_PIP, *words, source, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "packages"


def test_a_package_without_its_checkout_finds_all_that_it_needs(
    packages: Path, pair: Lab, tmp_path: Path
) -> None:
    """From any directory. What is an operator's own lies at home, not among Python's packages."""
    ours = {"PYTHONPATH": str(packages), "HOME": str(tmp_path)}
    pgha = (sys.executable, "-P", "-m", "pgha_helpers")
    done = run(*pgha, "init", "mine", cwd=tmp_path, **ours)
    assert done.returncode == 0, done.stderr
    mine = tmp_path / ".config" / "pgha" / "mine.yaml"
    assert mine.read_bytes() == (CHECKOUT / "parameters" / "example.yaml").read_bytes()
    mine.write_text(re.sub(r"(?m)^records:.*\n", "", pair.pair_file.read_text()))
    done = run(*pgha, "run", "verify", "mine", "-p", "light=true", cwd=tmp_path, **ours)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    (record,) = (tmp_path / ".local/share/pgha/records").glob("*/record.json")
    told = json.loads(record.read_text())
    assert not told["git"] and told["source"]
    assert not (packages / "pgha_helpers" / "parameters" / "prod.yaml").exists()
    assert not (packages / "records").exists()


def test_to_open_a_notebook_without_jupyterlab_says_what_to_install(tmp_path: Path) -> None:
    words = "import sys; sys.modules['jupyterlab'] = None; from pgha_helpers.__main__ import main"
    command = (sys.executable, "-c", f"{words}; main()", "open", "verify", "example")
    done = run(*command, cwd=CHECKOUT, HOME=str(tmp_path))
    assert done.returncode == 64 and "JupyterLab is not installed beside pgha" in done.stderr
    assert "pip install" in done.stderr


def test_an_install_without_an_index_says_so_at_once(tmp_path: Path) -> None:
    """Not after thirteen seconds, and not in pip's words."""
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    done = run(
        tmp_path / "venv" / "bin" / "python",
        CHECKOUT / "install.py",
        "lab",
        cwd=CHECKOUT,
        PIP_CONFIG_FILE=os.devnull,
        PIP_FIND_LINKS="",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
    )
    assert done.returncode == 1
    assert "pip reaches no package index: Connection refused." in done.stderr
    assert "Without a network" in done.stderr and "likely" not in done.stderr
