"""`pgha -v` tells on stderr what each node is asked, by whichever process; nothing else changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..conftest import pgha
from ..embedded import Lab
from .servers import records

LINE = re.compile(r"^\d\d:\d\d:\d\dZ (db0|db1) +(sql|shell|connection) +[\d.]+ ms  (.+)$", re.M)
COMMANDS = (
    ("status",),
    ("run", "verify", "-p", "light=true"),
    ("run", "verify", "-p", "light=true", "--news"),
    ("records", "verify", "--nodes"),
)


def asked(pair: Lab, words: tuple[str, ...], *before: str) -> tuple[str, str]:
    place = 2 if words[0] in ("run", "records") else 1
    typed = (*before, *words[:place], str(pair.pair_file), *words[place:])
    done = pgha(*typed)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_question_is_told_with_whom_and_how_long(pair: Lab, words: tuple[str, ...]) -> None:
    out, err = asked(pair, words, "-v")
    told = LINE.findall(err)
    assert {node for node, _, _ in told} == {"db0", "db1"}
    assert {"shell", "connection"} <= {kind for _, kind, _ in told}
    assert LINE.sub("", err).strip() == "", "nothing but such lines"
    assert not LINE.search(out)
    for secret in (line.rpartition(":")[2] for line in pair.passfile.read_text().split()):
        assert secret and secret not in err


def test_nothing_of_it_is_in_the_record_and_without_it_nothing_is_told(
    pair: Lab, tmp_path: Path
) -> None:
    asked(pair, ("run", "verify"), "--verbose")
    folder = list(records(pair))[-1]
    for path in folder.iterdir():
        assert not LINE.search(path.read_text("utf-8", "replace")), path
    assert asked(pair, ("run", "verify", "-p", "light=true"))[1] == ""
    assert asked(pair, ("status",))[1] == ""


def test_a_node_that_does_not_answer_is_told_with_the_time_that_it_took(
    pair: Lab, tmp_path: Path
) -> None:
    from .runs import changed_pair

    path = changed_pair(pair, tmp_path, db1={"port": 9})
    told = LINE.findall(pgha("-v", "status", str(path)).stderr)
    assert ("db1", "connection", "SQL, as postgres") in told
