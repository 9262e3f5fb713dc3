"""What is said to do is what helps: a remedy is for the very thing that was found, and for nothing
else.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model import DeedKind
from pgha_helpers.model.errors import (
    CommandFailed,
    Failure,
    QueryFailed,
    Refusal,
    TooSlow,
    Unreachable,
)
from pgha_helpers.model.passfile import why_none
from pgha_helpers.run.gate import Gate
from pgha_helpers.run.run import Run

from .pictures import pair


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            QueryFailed('db0: syntax error at or near "pl"'),
            "^mend that, then run this notebook again",
        ),
        (
            CommandFailed("db0: mkdir /x: Permission denied"),
            "^mend that, then run this notebook again",
        ),
        (Refusal("a path with a line break"), "^mend that, then run this notebook again"),
        (
            Unreachable("db0: the shell was lost"),
            "^see that it answers, then run this notebook again",
        ),
        (TooSlow("db0: no answer in time"), "^run this notebook again"),
        (QueryFailed("db0: permission denied", "grant it"), "^grant it$"),
    ],
)
def test_only_what_was_not_answered_is_simply_run_again(error: Refusal, words: str) -> None:
    """The role of an impossible name was refused, and "run this notebook again" was said for
    ever.
    """
    quiet: Any = SimpleNamespace(check=lambda node: None, write=lambda event, **facts: None)
    run = Run(
        "c0ffee00",
        "setup",
        pair(),
        {},
        Path(),
        quiet,
        {},
        quiet,
        gate=Gate(permit=Plan("setup", "db0", "db1", "setup")),
    )
    with pytest.raises(Failure) as failed, run.deed("db0", "make the role", DeedKind.CREATE_ROLE):
        raise error
    assert re.search(words, failed.value.remedy)


def test_why_there_is_no_password_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ("h", "5432", "postgres", "ann")
    path = tmp_path / "pgpass"
    assert "No such file" in why_none(str(path), *wanted)
    path.write_text("h:5432:*:bob:secret\n")
    path.chmod(0o640)
    assert why_none(str(path), *wanted).endswith("because others may read it (mode 0640)")
    path.chmod(0o600)
    assert why_none(str(path), *wanted) == f"passfile {path} has no line for user 'ann'"
    elsewhere = ("h", "5433", "postgres", "bob")
    assert why_none(str(path), *elsewhere).endswith("has no line for h:5433:postgres:bob")
    assert why_none(str(tmp_path), *wanted).endswith("is not a file")
    monkeypatch.setenv("PGPASSFILE", str(path))
    assert why_none("", "h", "5432", "postgres", "bob") == ""
