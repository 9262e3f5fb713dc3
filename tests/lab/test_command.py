"""The pgha command as a newcomer meets it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgha_helpers.run.checkout import CHECKOUT, RECORD
from pgha_helpers.run.finding import find_notebook, find_pair
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters.pair_file import load_pair

from ..conftest import pgha
from ..embedded import Lab
from .servers import records


def embedded(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.embedded", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=CHECKOUT)


def test_the_embedded_pair_goes_up_is_written_to_and_goes_down(tmp_path: Path) -> None:
    folder = ("--folder", str(tmp_path / "lab"))
    assert "There is no embedded pair" in embedded("status", *folder).stdout
    try:
        up = embedded("up", "--empty", *folder)
        assert up.returncode == 0 and "running" in up.stdout and "no cluster" in up.stdout
        load = embedded("load", "--seconds", "1", *folder)
        assert load.returncode == 0 and "acknowledged and missing 0" in load.stdout
    finally:
        assert embedded("down", "--remove", *folder).returncode == 0
    assert "There is no embedded pair" in embedded("status", *folder).stdout


def test_a_load_without_a_pair_says_what_to_do(tmp_path: Path) -> None:
    done = embedded("load", "--folder", str(tmp_path))
    assert done.returncode == 1 and "tests.embedded up" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_knows_nothing_of_the_embedded_pair() -> None:
    assert "lab" not in pgha("--help").stdout.replace("JupyterLab", "")


def test_what_is_typed_wrongly_is_answered_before_a_kernel_starts() -> None:
    """What begins one is not even imported."""
    for words, said in (
        (("run", "verify", "prdo"), "there is no pair 'prdo'"),
        (("run", "verfy", "example"), "it may be promote, rebuild, setup, verify"),
        (("run", "promote", "example", "--dry-run", "-p", "confirm=promote db1"), "contradict"),
    ):
        code = "import sys; from pgha_helpers import __main__ as m; m._code(); print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=CHECKOUT
        )
        assert said in done.stderr and "Traceback" not in done.stderr
        assert "pgha_helpers.records.engine.prestarted_kernel" not in done.stdout.split()


_OPENED, _CLOSED = 0x20, 0x10  # inotify(7): by whichever process; two alike would be merged


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Callable[[], int]]:
    """How often anybody has opened this file since."""
    libc = ctypes.CDLL(None, use_errno=True)
    told = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(told, os.fsencode(path), _OPENED | _CLOSED) > 0

    def count() -> int:
        events = os.read(told, 65536)  # of 16 bytes each: of a file, none has a name
        masks = [mask for _, mask, _, _ in struct.iter_unpack("iIII", events)]
        return sum(bool(mask & _OPENED) for mask in masks)

    try:
        yield count
    finally:
        os.close(told)


def test_each_process_of_a_headless_run_reads_the_pair_file_once(pair: Lab) -> None:
    """The command and its kernel: what was read is handed on."""
    with opened(pair.pair_file) as count:
        done = pgha("run", "verify", str(pair.pair_file), "-p", "light=true")
        assert done.returncode in (0, 1), done.stderr
        assert count() == 2


def test_init_writes_a_pair_file_that_can_be_read(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    assert pgha("init", str(target)).returncode == 0
    assert load_pair(str(target)).names == ("db0", "db1")
    assert pgha("init", str(tmp_path / "absent" / "mine.yaml")).returncode == 64


def test_init_writes_where_a_name_is_looked_up_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHA_PARAMETERS", str(tmp_path))
    done = pgha("init", "mine")
    assert done.returncode == 0 and str(tmp_path / "mine.yaml") in done.stdout
    assert find_pair("mine") == tmp_path / "mine.yaml"
    monkeypatch.setenv("PGHA_PARAMETERS", "/proc")
    done = pgha("init", "mine")
    assert done.returncode == 64 and "/proc/mine.yaml cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pgha sta", "status"),
        ("pgha run ver", "verify"),
        ("pgha status pro", "prod"),
        ("pgha run promote pro", "prod"),
        ("pgha records list pro", "prod"),
    ],
)
def test_the_shell_completes_verbs_notebooks_and_pairs(
    tmp_path: Path, typed: str, offered: str
) -> None:
    """By the script that `pgha --install-completion` writes down, in a real bash."""
    (tmp_path / "prod.yaml").touch()
    words = "COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))"
    asks = f'eval "$(pgha --show-completion bash)"; {words}; _pgha_completion pgha'
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    told = subprocess.run(
        ["bash", "-c", f'{asks}; echo "${{COMPREPLY[@]}}"', "bash", typed],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **os.environ,
            "PATH": programs,
            "PGHA_PARAMETERS": str(tmp_path),
            "SHELL": "/bin/bash",
        },
    )
    assert told.stdout.split() == [offered], told


def test_a_pair_without_records_is_told_in_a_sentence(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    assert pgha("init", str(target)).returncode == 0
    target.write_text(target.read_text().replace('records: ""', f"records: {tmp_path / 'none'}"))
    for words in (
        ("page", str(target)),
        ("show", str(target), "x"),
        ("compare", str(target), "x", "y"),
    ):
        done = pgha("records", *words)
        assert (
            done.returncode == 64
            and "there is no record in" in done.stderr
            and "Traceback" not in done.stderr
        )
    for words in ("list", "verify"):
        done = pgha("records", words, str(target))
        assert done.returncode == 0 and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [(), ("run",), ("run", "verify"), ("run", "verify", "lab", "--foo"), ("fly",)]
)
def test_a_wrong_command_line_is_never_mistaken_for_a_verdict(words: tuple[str, ...]) -> None:
    """1, 2 and 3 are Nagios words; a typing error in a crontab must not page anybody as
    critical.
    """
    done = pgha(*words)
    assert done.returncode in (0, 64) and "Traceback" not in done.stderr
    assert done.returncode == 64 or not words


def test_a_rehearsal_says_what_it_would_do_and_leaves_a_whole_record(pair: Lab) -> None:
    done = pgha(
        "run",
        "promote",
        str(pair.pair_file),
        "-p",
        "reason=try it",
        "-p",
        "ticket=OPS-1",
        "-p",
        "operator=Ann",
    )
    assert done.returncode == 0 and "the consent is: promote db1" in done.stdout
    assert "by db1's own WAL that db1 has every byte" in done.stdout, (
        "the plan is told, not only its name"
    )
    folder = list(records(pair))[-1]
    assert {path.name for path in folder.iterdir()} >= {
        "journal.jsonl",
        "record.json",
        "lag.csv",
        "lag.svg",
        "notebook.ipynb",
    }
    told = json.loads((folder / "record.json").read_text())
    assert [
        told[key] for key in ("outcome", "operator", "typed", "reason", "ticket", "changed")
    ] == [*("rehearsed", "Ann", True, "try it", "OPS-1", False)]
    executed = json.loads((folder / "notebook.ipynb").read_text())
    assert any(cell.get("outputs") for cell in executed["cells"])
    assert not read(folder).broken
    listed = pgha("records", "list", str(pair.pair_file))
    assert "rehearsed" in listed.stdout and "try it" in listed.stdout
    told = json.loads(pgha("records", "list", str(pair.pair_file), "--json").stdout)[0]
    assert (told["outcome"], told["reason"], told["folder"]) == ("rehearsed", "try it", str(folder))
    shown = pgha("records", "show", str(pair.pair_file), told["run"], "--json").stdout
    assert json.loads(shown) == told
    checked = pgha("records", "verify", str(pair.pair_file), "--json").stdout
    assert json.loads(checked)["findings"] == []


def test_parameters_of_a_file_are_overruled_by_those_of_the_line(pair: Lab, tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    given.write_text("light: true\nreason: from the file\n")
    done = pgha(
        "run", "verify", str(pair.pair_file), "-f", str(given), "-p", "reason=from the line"
    )
    assert done.returncode == 0
    told = json.loads((list(records(pair))[-1] / "record.json").read_text())
    assert told["reason"] == "from the line"
    assert len((list(records(pair))[-1] / "lag.csv").read_text().splitlines()) == 2, (
        "light: one sample"
    )


def test_a_copy_is_opened_and_the_source_is_left_alone(pair: Lab) -> None:
    from pgha_helpers.records.making.interactive import prepare_copy
    from pgha_helpers.records.making.lab_server import jupyterlab

    before = find_notebook("promote").read_bytes()
    found, copy = prepare_copy("promote", {"pair": str(pair.pair_file), "reason": "by hand"})
    assert found.names == ("db0", "db1")
    assert "by hand" in copy.read_text() and copy.parent.parent == pair.folder / "records"
    assert find_notebook("promote").read_bytes() == before
    assert "--ip=127.0.0.1" in jupyterlab(copy.parent, copy.name)
    assert RECORD not in os.environ, (
        "the next run of this process would write into the record of this one"
    )


def test_what_nobody_foresaw_is_a_sentence_and_unknown_to_nagios(tmp_path: Path) -> None:
    code = (
        "from pgha_helpers import __main__; from pgha_helpers.run.parameters import pair_file; "
        "pair_file.load_pair = lambda pair: {}[pair]; __main__.main()"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PGPASSWORD": "prod-secret"}
    command = [sys.executable, "-c", code, "records", "list", "prod-secret"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    (kept,) = tmp_path.glob("pgha-*.traceback")
    assert done.returncode == 3 and done.stderr.startswith(
        "pgha did not foresee this: KeyError: '[redacted]' (records/reading/"
    )
    assert "Traceback" not in done.stderr and str(kept) in done.stderr
    assert "KeyError: '[redacted]'" in kept.read_text() and kept.stat().st_mode & 0o777 == 0o600


def test_a_warning_ends_with_1(pair: Lab, tmp_path: Path) -> None:
    import yaml

    told = yaml.safe_load(pair.pair_file.read_text()) | {"preferred": "db1"}
    path = tmp_path / "warned.yaml"
    path.write_text(yaml.safe_dump(told))
    done = pgha("run", "verify", str(path), "-p", "light=true")
    assert done.returncode == 1 and "warning" in done.stdout
