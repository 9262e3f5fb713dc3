"""A primary that not everybody reaches, and who still sees it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pgha_helpers.model import Snapshot, Vantage

from ..embedded import Lab
from .runs import changed_pair
from .servers import send_all, wait_for_answer

NOWHERE = 1  # a port on which nothing listens


FAST = {"connect": "1s", "statement": "1s", "command": "5s", "replay": "5s"}


def unreachable(pair: Lab, folder: Path, peer: bool = True, **changes: Any) -> Path:
    """A pair file whose db0 does not answer this machine, by SQL or ssh; the other node reaches it
    all the same.
    """
    told = yaml.safe_load(pair.pair_file.read_text())["nodes"]["db0"]
    seen_by_peer = {"peer_host": told["host"], "peer_port": told["port"] if peer else NOWHERE + 1}
    gone = {"port": NOWHERE, **seen_by_peer, "ssh": {**told["ssh"], "port": NOWHERE}}
    return changed_pair(
        pair, folder, db0={**gone, **changes.pop("db0", {})}, timeouts=FAST, **changes
    )


def witness(pair: Lab, **changes: Any) -> dict[str, Any]:
    """db1's ssh server, as a host of its own."""
    ssh = yaml.safe_load(pair.pair_file.read_text())["nodes"]["db1"]["ssh"]
    return {"name": "gate", "ssh": ssh, **changes}


def view(now: Snapshot, place: str) -> Vantage:
    return next(v for v in now.looked_at("db0") if v.place == place)


@contextlib.contextmanager
def stopped_by_a_signal(pids: list[int]) -> Iterator[None]:
    send_all(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send_all(pids, signal.SIGCONT)


def wait_until_nothing_streams(pair: Lab) -> None:
    streams = "select count(*) from pg_stat_wal_receiver where status = 'streaming'"
    wait_for_answer(pair, "db1", streams, 0, within=15)
