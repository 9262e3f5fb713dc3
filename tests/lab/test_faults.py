"""Faults of three in the morning, one at a time: status and verify give the same level, and the
same first sentence, which is the right one.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers import HEALTHY, conclude, judged, look
from pgha_helpers.model.errors import Unhealthy

from ..conftest import pgha
from ..embedded import Lab
from .faults import FAULTS, Fault
from .looks import closely
from .making_faults import ready_for_faults
from .runs import changed_pair, running
from .servers import wait_for

_CODES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
_QUICK = {"connect": "1s", "statement": "1s"}


@pytest.fixture(scope="module")
def troubled(pair: Lab) -> Iterator[Lab]:
    """A pair on which each of them can be made."""
    ready_for_faults(pair)
    yield pair


def verified(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The first line of a light verify's end, by the cells of its notebook."""
    with running(path, "verify", light=True) as run:
        verdicts = judged(run, HEALTHY, look(run, closely=True))
        capsys.readouterr()
        with contextlib.suppress(Unhealthy):
            conclude(run, verdicts)
    return capsys.readouterr().out.splitlines()[0]


def asked(path: Path, form: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pgha_helpers", "status", str(path), form]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_alike_and_rightly_by_status_and_verify(
    troubled: Lab, fault: Fault, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed_pair(troubled, tmp_path, timeouts=_QUICK, limits=fault.limits)
    sentence = re.compile(rf"{fault.what}\. To do: {re.escape(fault.to_do)}\.")
    with fault.make(troubled):
        with asked(path, "--json") as as_json, asked(path, "--nagios") as as_nagios:
            line = verified(path, capsys)
            told, nagios = json.load(as_json.stdout or sys.stdin), as_nagios.communicate()[0]
        ran = pgha("run", "verify", str(path), "-p", "light=true") if fault.by_command else None
    code = _CODES[fault.level]
    assert (as_json.returncode, as_nagios.returncode) == (code, code), (told["pairs"], nagios)
    assert sentence.fullmatch(first_of(told)), first_of(told)
    plugin = rf"PGHA {fault.level.upper()}: {path.stem}: {sentence.pattern}( And \d+ more\.)? .*"
    assert re.fullmatch(plugin, nagios.rstrip()), nagios
    ended = rf"\S+: {fault.level}( \(last well [^)]*\))?: {sentence.pattern}"
    assert re.fullmatch(ended, line), line
    if ran:
        assert ran.returncode == code
        assert any(re.fullmatch(ended, told) for told in ran.stdout.splitlines()), ran.stdout
    assert wait_for(lambda: not closely(troubled)), closely(troubled)


def first_of(told: Any) -> str:
    """The first reason of the JSON, as a sentence."""
    reason = told["pairs"][0]["reasons"][0]
    return f"{reason['what'].rstrip('.')}. To do: {reason['remedy'].rstrip('.')}."
