"""A record is whole by whichever road its run came: `pgha run`, plain papermill, or killed
half-way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pgha_helpers.model.errors import BadParameters, Refusal
from pgha_helpers.records.reading.manifest import read_manifest
from pgha_helpers.records.reading.verification import verify
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters.pair_file import load_pair

from ..conftest import finish, pgha
from ..embedded import Lab
from .background import kill, start, wait_for_event
from .runs import to_promote
from .servers import records, standby_of, writable


def papermill(pair: Lab, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`papermill notebooks/verify.ipynb out.ipynb`, as somebody would type it."""
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(CHECKOUT / "notebooks" / "verify.ipynb"),
        "out.ipynb",
    ]
    command += [
        "-p",
        "pair",
        str(pair.pair_file),
        "-p",
        "light",
        "True",
        "--no-progress-bar",
        *words,
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)


def newest(pair: Lab) -> Path:
    return list(records(pair))[-1]


def test_plain_papermill_and_attach(pair: Lab, tmp_path: Path) -> None:
    assert papermill(pair, tmp_path).returncode == 0
    folder = newest(pair)
    assert not (folder / "manifest.json").exists() and (folder / "record.json").exists()
    assert "attached" not in (said := pgha("records", "attach", str(tmp_path / "out.ipynb"))).stdout
    assert said.returncode == 0 and str(folder) in said.stdout, said.stderr
    told = read_manifest(folder / "manifest.json")
    assert set(told.files) >= {
        "journal.jsonl",
        "record.json",
        "notebook.ipynb",
        "report.html",
        "lag.csv",
    }
    assert not verify(load_pair(str(pair.pair_file))).findings
    again = pgha("records", "attach", str(tmp_path / "out.ipynb"))
    assert again.returncode == 4 and "has its executed notebook already" in again.stderr


def test_what_is_attached_to_a_complete_record_leaves_its_manifest_alone(
    pair: Lab, tmp_path: Path
) -> None:
    assert papermill(pair, tmp_path).returncode == 0
    assert pgha("records", "list", str(pair.pair_file)).returncode == 0
    folder = newest(pair)
    before = (folder / "manifest.json").read_bytes()
    assert not (folder / "notebook.ipynb").exists()
    assert pgha("records", "attach", str(tmp_path / "out.ipynb")).returncode == 0
    assert (folder / "manifest.json").read_bytes() == before
    assert set(read_manifest(folder / "attached.json").files) == {"notebook.ipynb", "notebook.html"}
    found = load_pair(str(pair.pair_file))
    assert not verify(found).findings
    page = folder / "notebook.html"
    kept = page.read_text()
    page.write_text("all was well")
    assert [finding.what for finding in verify(found).findings] == ["notebook.html was changed"]
    page.write_text(kept)
    assert not verify(found).findings


def test_our_engine_under_papermill_itself(pair: Lab, tmp_path: Path) -> None:
    assert papermill(pair, tmp_path, "--engine", "pgha").returncode == 0
    out = json.loads((tmp_path / "out.ipynb").read_text())
    assert {cell["metadata"]["papermill"]["status"] for cell in out["cells"]} == {"completed"}


def test_a_notebook_that_shows_no_run_is_refused(pair: Lab, tmp_path: Path) -> None:
    source = CHECKOUT / "notebooks" / "verify.ipynb"
    for path, words in ((source, "shows no run"), (tmp_path / "absent.ipynb", "is not a notebook")):
        said = pgha("records", "attach", str(path))
        assert said.returncode == 64 and words in said.stderr and "Traceback" not in said.stderr


def test_a_killed_run_is_completed_by_the_next_call_which_says_so(pair: Lab) -> None:
    known = set(records(pair))
    run = start(pair, "verify", "sample_seconds=60")
    wait_for_event(pair, "seen", known)
    (folder,) = set(records(pair)) - known
    assert "goes on" in pgha("records", "verify", str(pair.pair_file)).stdout
    assert not (folder / "manifest.json").exists()
    kill(run)
    time.sleep(2)  # the kernel notices that its parent has gone
    listed = pgha("records", "list", str(pair.pair_file))
    assert listed.returncode == 0, listed.stderr
    told = read_manifest(folder / "manifest.json").told
    outcome = read(folder).outcome
    assert outcome in ("interrupted", "abandoned")
    assert told["completed"]["late"] == f"the run was {outcome}; completed by pgha records"
    assert not verify(load_pair(str(pair.pair_file))).findings
    assert (folder / "report.html").exists()


def test_a_record_that_has_lost_its_manifest_is_never_given_another(pair: Lab) -> None:
    assert pgha("run", "verify", str(pair.pair_file), "-p", "light=true").returncode == 0
    folder = newest(pair)
    kept = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").unlink()
    assert pgha("records", "list", str(pair.pair_file)).returncode == 0
    assert not (folder / "manifest.json").exists()
    said = pgha("records", "verify", str(pair.pair_file))
    assert said.returncode == 2 and "its manifest is gone" in said.stdout
    (folder / "manifest.json").write_bytes(kept)


def test_reading_back(pair: Lab, tmp_path: Path) -> None:
    """list, show, compare and page on real records; a refusal names what there is."""
    here = writable(pair)[0]
    other = "db1" if here == "db0" else "db0"
    for node in (other, here):
        assert (
            pgha(
                "run",
                "promote",
                str(pair.pair_file),
                "-p",
                f"confirm={to_promote(node)}",
                "-p",
                "ticket=OPS-7",
            ).returncode
            == 0
        )
    two = [folder.name.rsplit("-", 1)[1] for folder in list(records(pair))[-2:]]
    listed = pgha(
        "records", "list", str(pair.pair_file), "--ticket", "OPS-7", "--outcome", "done"
    ).stdout
    assert len(listed.splitlines()) == 3 and all(run in listed for run in two)
    assert "promote" in pgha("records", "show", str(pair.pair_file), two[0]).stdout
    compared = pgha(
        "records", "compare", str(pair.pair_file), *two, "--html", str(tmp_path / "compared.html")
    )
    assert compared.returncode == 0 and "promote" in compared.stdout
    assert "<svg" in (tmp_path / "compared.html").read_text()
    page = pgha("records", "page", str(pair.pair_file))
    assert Path(page.stdout.strip()).read_text().count("report.html") >= 2
    wrong = pgha("records", "show", str(pair.pair_file), "zzzz")
    assert wrong.returncode == 64 and "zzzz" in wrong.stderr


def test_a_run_that_goes_on_after_a_killed_one_names_it(pair: Lab) -> None:
    known = set(records(pair))
    run = start(pair, "verify", "sample_seconds=60")
    wait_for_event(pair, "seen", known)
    kill(run)
    time.sleep(2)
    (killed,) = set(records(pair)) - known
    assert pgha("run", "verify", str(pair.pair_file), "-p", "light=true").returncode == 0
    assert read(newest(pair)).first("run begun")["continues"] == killed.name.rsplit("-", 1)[1]
    assert pgha("run", "verify", str(pair.pair_file), "-p", "light=true").returncode == 0
    assert read(newest(pair)).first("run begun")["continues"] == "", (
        "the run before it came to its end"
    )


def test_two_changes_from_two_directories_at_once(pair: Lab, tmp_path: Path) -> None:
    """Exactly one runs. The other one is refused and names it, or finds that it is so already."""
    target = standby_of(pair)
    words = ["run", "promote", str(pair.pair_file), "-p", f"confirm={to_promote(target)}"]
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        command = [sys.executable, "-m", "pgha_helpers", *words, "-p", f"operator={name}"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        runs.append(subprocess.Popen(command, cwd=tmp_path / name, **pipes))  # type: ignore[call-overload]
    told = [(finish(run, 120)[0], run.returncode) for run in runs]
    assert writable(pair) == [target]
    newest_two = list(records(pair))[-2:]
    (moved,) = [each for each in newest_two if read(each).first("outage begins")]  # it moved once
    one = read(moved).first("run begun")["operator"]
    (_, done), (words, code) = sorted(told, key=lambda each: moved.name not in each[0])
    refused = code == 4 and f"promote, by {one} on" in words
    assert done == 0 and (refused or (code == 0 and "already so" in words)), told


def test_attach_refuses_another_pairs_record(pair: Lab, tmp_path: Path) -> None:
    from pgha_helpers.records.reading.attach import attach

    told = {
        "cells": [
            {"outputs": [{"metadata": {"pgha": {"run": "aaaaaaaa", "record": "/no/x-aaaaaaaa"}}}]}
        ]
    }
    (tmp_path / "out.ipynb").write_text(json.dumps(told))
    with pytest.raises(BadParameters, match="there is no record of run aaaaaaaa"):
        attach(tmp_path / "out.ipynb", str(pair.pair_file))
    assert issubclass(BadParameters, Refusal)
