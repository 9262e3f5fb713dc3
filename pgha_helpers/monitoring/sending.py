"""Sending letters, with an end: by a process that is ended when its time is over."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..model.foreign import ODD
from ..model.show import span
from ..run.checkout import environment, python

_LOOK = 0.05  # seconds between two looks whether it may go on


@dataclass(frozen=True)
class Letter:
    """What is sent to one address, as apprise writes it; `tone` is one of its types."""

    to: str
    title: str
    text: str
    tone: str = "info"


def send(
    letters: Sequence[Letter], within: float, held: Callable[[], bool] = lambda: False
) -> list[str]:
    """Send all at once; gives why each could not be sent, or nothing, in their order.

    `within` is in seconds. As soon as it is `held` the rest is not sent.
    """
    if not letters:
        return []
    process = subprocess.Popen(
        python("pgha_helpers.monitoring.sender"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        cwd="/",
    )
    found: dict[int, str] = {}
    reader = threading.Thread(target=_hear, args=(process, found), daemon=True)
    reader.start()
    _tell(process, {"within": within, "letters": [asdict(letter) for letter in letters]})
    otherwise = _wait(process, time.monotonic() + within, within, held)
    process.kill()
    with process:  # its end, and that of the pipes
        reader.join(1.0)
    return [found.get(number, otherwise) for number in range(len(letters))]


def _tell(process: subprocess.Popen[bytes], told: Mapping[str, Any]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()
    except BrokenPipeError:  # it has ended: what it has not said is not sent
        return


def _hear(process: subprocess.Popen[bytes], found: dict[int, str]) -> None:
    for line in process.stdout or ():
        try:
            told = json.loads(line)
            found[int(told["letter"])] = str(told["why"])
        except ODD:
            continue


def _wait(
    process: subprocess.Popen[bytes], until: float, within: float, held: Callable[[], bool]
) -> str:
    """Wait for its end, and say what is to be said of what it has not told by then."""
    while time.monotonic() < until:
        if held():
            return "held back: a change of this pair goes on"
        try:
            status = process.wait(_LOOK)
        except subprocess.TimeoutExpired:
            continue
        return f"the program that sends ended with status {status}"
    return f"no answer within {span(round(within, 1))}"


def address(told: str) -> str:
    """An address of the pair file, read from the environment where it says so; empty if unset."""
    from ..model.pair import variable_of

    variable = variable_of(told)
    return os.environ.get(variable, "").strip() if variable else told
