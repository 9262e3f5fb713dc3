"""The catalogue of checks and its page, and what the command says without any server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import pytest

from pgha_helpers.judgement.checks import BEFORE, HEALTHY
from pgha_helpers.model import Limits
from pgha_helpers.monitoring.catalogue import Listed, catalogue, page_of
from pgha_helpers.run.checkout import CHECKOUT, EXAMPLE
from pgha_helpers.run.finding import known_notebooks

from ..conftest import pgha


def test_the_page_of_the_documentation_is_the_catalogue() -> None:
    """`pgha checks --markdown > docs/checks.md` writes it anew."""
    page = (CHECKOUT / "docs" / "checks.md").read_text()
    assert page == page_of(catalogue()) == pgha("checks", "--markdown").stdout


def test_every_check_is_listed_once_with_all_that_a_reader_needs() -> None:
    found = catalogue()
    names = [one.check for one in found]
    everything = {check.name for checks in (HEALTHY, *BEFORE.values()) for check in checks}
    assert len(names) == len(set(names)) and set(names) == everything
    assert all(one.title and one.remedy and one.level in ("warning", "critical") for one in found)
    assert all(one.asked for one in found)


def test_a_limit_is_told_with_the_key_that_changes_it() -> None:
    (lag,) = [one for one in catalogue() if one.check == "the_standby_is_close_in_bytes"]
    assert (lag.limit, lag.key, lag.allowed) == ("16 MB", "limits.lag", "16 MB (limits.lag)")
    keys = {one.key for one in catalogue()} - {""}
    assert keys <= {f"limits.{key.name}" for key in fields(Limits)} and len(keys) >= 6


def test_the_same_is_there_for_programs_and_for_people() -> None:
    told = json.loads(pgha("checks", "--json").stdout)
    assert told["format"] == 1
    assert [Listed(**{**one, "asked": tuple(one["asked"])}) for one in told["checks"]] == list(
        catalogue()
    )
    words = pgha("checks").stdout
    assert "a no is critical; allowed: 16 MB (limits.lag)\n" in words


def test_a_pair_file_is_checked_and_nothing_else(tmp_path: Path) -> None:
    right = pgha("check", str(EXAMPLE))
    assert right.returncode == 0 and "is right: db0 at db0.example:5432 and db1" in right.stdout
    assert json.loads(pgha("check", str(EXAMPLE), "--json").stdout)["right"] is True
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(EXAMPLE.read_text().replace("\nuser:", "\nusr:").replace("5432", "99999"))
    done = pgha("check", str(wrong))
    assert done.returncode == 64 and "usr: unknown key; did you mean 'user'?" in done.stderr
    told = pgha("check", str(wrong), "--json")
    assert (
        told.returncode == 64
        and "usr: unknown key; did you mean 'user'?" in (json.loads(told.stdout)["wrong"])
    )
    assert pgha("check", "nosuch").returncode == 64


def test_the_version_is_told() -> None:
    done = pgha("--version")
    assert (done.returncode, done.stdout) == (0, f"pgha {version('pgha_helpers')}\n")


def completed(words: str, shell: str, places: Path) -> set[str]:
    """What a shell is offered for the last of these words."""
    told = {
        "bash": {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))},
        "zsh": {"_TYPER_COMPLETE_ARGS": words},
    }
    environ = {**os.environ, **told[shell], "PGHA_PARAMETERS": str(places)}
    environ["_PGHA_COMPLETE"] = f"complete_{shell}"
    program = Path(sys.executable).with_name("pgha")
    done = subprocess.run([program], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return set(done.stdout.replace('"', " ").split())


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes_commands_notebooks_and_pairs(shell: str, tmp_path: Path) -> None:
    for name in ("prod", "proof", "test"):
        (tmp_path / f"{name}.yaml").write_text("")
    assert {"run", "status", "records"} <= completed("pgha ", shell, tmp_path)
    assert set(known_notebooks()) <= completed("pgha run ", shell, tmp_path)
    for words in ("pgha run verify pro", "pgha status pro", "pgha records list pro"):
        found = completed(words, shell, tmp_path)
        assert {"prod", "proof"} <= found and not found & {"test"}, words
