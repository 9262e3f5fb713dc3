"""A Python of ours takes nothing from where somebody stands, whatever the environment says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pgha_helpers.run.checkout import environment, python


def test_no_folder_that_depends_on_where_one_stands_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", str(tmp_path), "here/too"]))
    assert environment()["PYTHONPATH"] == str(tmp_path)
    for name in ("this", "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from here')")
    monkeypatch.setenv("PYTHONPATH", "")
    done = subprocess.run(
        python("this"), cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0 and "The Zen of Python" in done.stdout
    again = [sys.executable, "-m", "this"]  # one that is started in turn, and knows nothing of this
    assert (
        subprocess.run(again, cwd=tmp_path, env=environment(), capture_output=True).returncode == 0
    )


def test_a_kernel_of_others_takes_our_words_only_from_where_they_are_installed() -> None:
    code = (
        "import sys; sys.modules['ipykernel'] = sys; import pgha_helpers; pgha_helpers.look; "
        "print('' in sys.path)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
