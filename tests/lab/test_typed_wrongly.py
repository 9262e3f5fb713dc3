"""Whatever is typed wrongly is answered by a sentence: every command, each of its arguments and
options, with what nobody would expect there.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import yaml

from pgha_helpers import __main__ as command
from pgha_helpers.monitoring.prometheus import write_prometheus
from pgha_helpers.records.making import outbox
from pgha_helpers.records.making.files import replace_file

#: Exit codes of a sentence: well, warning, critical, unknown, refused, and bad parameters.
ANSWERED = {0, 1, 2, 3, 4, 64}
RIGHT = {"pair": "good", "pairs": "good", "notebook": "verify", "name": "fresh"}
WRONG = (
    *("", " ", "nope", "..", "-", "a/b", "a/b.yaml", "folder", "empty", "list", "deep", "binary"),
    *("loop.yaml", "binary.yaml", "note.ipynb", "list.ipynb", "\udcff", "é\n\x07", "*"),
    *("x" * 5000, "x" * 5000 + ".yaml", "-1", "nan", "2026-13-45", "10 parsecs"),
)
FILES = {"folder", "empty", "list", "deep", "binary", "loop.yaml", "binary.yaml"}


def _commands() -> dict[str, tuple[list[str], list[str]]]:
    """Every command, with its arguments and its options that take a value."""
    found: dict[str, tuple[list[str], list[str]]] = {}

    def walk(group: object, words: tuple[str, ...]) -> None:
        for name, one in getattr(group, "commands", {}).items():
            walk(one, (*words, name))
        if words and not hasattr(group, "commands"):
            params = getattr(group, "params", ())
            arguments = [it.name for it in params if it.param_type_name == "argument"]
            options = [it for it in params if it.param_type_name == "option" and not it.is_flag]
            found[" ".join(words)] = (arguments, [it.opts[0] for it in options])

    walk(typer.main.get_command(command.app), ())
    return found


COMMANDS = _commands()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Somewhere to stand, with all kinds of files, and one pair that nobody answers for."""
    here = tmp_path / "here"
    here.mkdir()
    pairs = here / "parameters"
    pairs.mkdir()
    node = {"host": "127.0.0.1", "port": 1, "data_directory": "/no/data", "bin_directory": "/no"}
    # one of its own for each command: another's `init` may make a wrong name a right one
    told = {"nodes": {"db0": node, "db1": node}, "records": str(here / "records")}
    (pairs / "good.yaml").write_text(yaml.safe_dump(told))
    (pairs / "empty.yaml").write_text("")
    (pairs / "list.yaml").write_text("- 1\n")
    (pairs / "deep.yaml").write_text("[" * 2000)
    (pairs / "folder.yaml").mkdir()
    for folder in (here, pairs):
        (folder / "binary.yaml").write_bytes(bytes(range(256)))
    (here / "loop.yaml").symlink_to(here / "loop.yaml")
    (here / "note.ipynb").write_text("{}")
    (here / "list.ipynb").write_text("[1]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGHA_PARAMETERS", str(pairs))
        patch.setenv("HOME", str(here))
        patch.chdir(here)
        yield here


def trials(words: str) -> Iterator[list[str]]:
    """Wrong lines of one command."""
    arguments, options = COMMANDS[words]
    right = [RIGHT.get(name, "abcd") for name in arguments]
    begins_something = words in ("run", "open", "drill")
    yield words.split()
    yield [*words.split(), *right, "--nope"]
    for number in range(len(arguments)):
        # what lies behind a file's name is read beside the start of a kernel, which takes long
        for wrong in sorted({*WRONG} - FILES if begins_something else {*WRONG}):
            yield [*words.split(), "--", *right[:number], wrong, *right[number + 1 :]]
    for option in options:
        # what is left empty is not asked for, and then the run begins
        for wrong in ("nope", "10 parsecs", "-1", "binary.yaml", "\udcff", "x" * 5000):
            if not (begins_something and option not in ("-p", "-f", "--jobs", "--cell-timeout")):
                yield [*words.split(), option, wrong, *right]


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_it_is_answered_with_a_sentence(
    words: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for typed in trials(words):
        monkeypatch.setattr(sys, "argv", ["pgha", *typed])
        code = command._code()
        outbox.attended.clear()
        out, err = capsys.readouterr()
        short = [word[:40] for word in typed]
        assert code in ANSWERED, (short, code, err[-500:])
        assert "Traceback" not in out + err and "did not foresee" not in err, (short, err[-500:])
        assert code in ANSWERED - {4, 64} or err, (short, "without a word")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "*", "a\nb", "-x", "\udcff", "/.yaml"])
def test_init_writes_no_file_that_nobody_could_name(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(place.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["pgha", "init", "--", name])
    assert command._code() == 64
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("write", ["page", "metrics"])
def test_a_pipe_or_a_device_is_written_into_and_never_replaced(write: str, tmp_path: Path) -> None:
    """As root a rename would put a file in the place of /dev/null: seen."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    if write == "page":
        replace_file(pipe, "text")
    else:
        write_prometheus(pipe, [])
    reader.join(10)
    assert heard and heard[0] and pipe.is_fifo()
