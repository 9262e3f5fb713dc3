"""What `pgha status` takes: one pair from the shell, and fifty that are up or silent; and what a
list and a page of ten thousand records take.

Fifty pairs are as many pair files of two embedded pairs, whose four servers run on this machine,
and files of nodes that take connections and never say a word.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import yaml

from pgha_helpers.model.show import Table
from pgha_helpers.run.parameters.pair_file import load_pair

from ..embedded import Lab
from ..lab.looks import restart
from ..lab.servers import ask
from ..pure.made_records import ran
from .commands import Ran, pgha, timed
from .pairs import pair_of

ONE, MANY, LISTED = 1.2, 5.0, 2.0  # seconds that are allowed
PAIRS, UP, RECORDS = 50, 25, 10_000
_WORST = range(4)  # any level is an answer
_MODULES = "pgha_helpers.__main__, pgha_helpers.monitoring.status, pgha_helpers.wire.ssh"
_HEAD = ("", "median", "min", "max", "processor, median", "allowed")


def measure(folder: Path, rounds: int) -> Iterator[tuple[str, Table]]:
    """The tables. One round before the first is not counted."""
    with pair_of(folder / "a") as one, pair_of(folder / "b") as other, _silent() as port:
        for pair in (one, other):
            _with_room(pair)
        mixed = [*_files(folder / "up", (one, other), UP), *_mute(folder, one, PAIRS - UP, port)]
        all_up = _files(folder / "all", (one, other), PAIRS)
        asked = {
            "python -c pass": lambda: timed("python", ["-c", "pass"]),
            "  importing what status needs": lambda: timed("python", ["-c", f"import {_MODULES}"]),
            "pgha status, one pair": lambda: pgha("status", str(one.pair_file), okay=(0, 1)),
            f"pgha status, {UP} pairs up, {PAIRS - UP} silent": lambda: _status(mixed),
            f"pgha status, {PAIRS} pairs up": lambda: _status(all_up),
        }
        seconds = load_pair(str(one.pair_file)).timeouts.connect
        told = f"{rounds} rounds in turn, four servers on this machine, connect: {seconds:g} s"
        yield f"Status: {told}", _table(asked, rounds, {2: ONE, 3: MANY})
        yield from _records(folder, one, rounds)


def _records(folder: Path, pair: Lab, rounds: int) -> Iterator[tuple[str, Table]]:
    """What lists and pages of many records take: when they are read first, and later."""
    path = _with(pair, folder / "listed.yaml", records=str(folder / "records"))
    found = replace(load_pair(str(path)), name=path.stem)
    for _ in range(RECORDS):
        ran(found)
    cache = folder / "cache"
    os.environ["XDG_CACHE_HOME"] = str(cache)

    def first() -> Ran:
        shutil.rmtree(cache, ignore_errors=True)
        return pgha("records", "list", str(path))

    asked = {
        "pgha records list, nothing read before": first,
        "pgha records list": lambda: pgha("records", "list", str(path)),
        "pgha records page, for the first time": lambda: pgha("records", "page", str(path)),
        "pgha records page": lambda: pgha("records", "page", str(path)),
    }
    each = sum(file.stat().st_size for file in ran(found).iterdir()) / 1024
    yield (
        f"{RECORDS:,} records of {each:.0f} kB, of runs without servers",
        _table(asked, rounds, {1: LISTED, 3: LISTED}),
    )


def _table(
    asked: Mapping[str, Callable[[], Ran]], rounds: int, allowed: Mapping[int, float]
) -> Table:
    found: dict[str, list[Ran]] = {name: [] for name in asked}
    for number in range(rounds + 1):
        for name, ask_ in asked.items():
            done = ask_()
            if number:
                found[name].append(done)
    rows = []
    for number, (name, runs) in enumerate(found.items()):
        walls = [run.seconds for run in runs]
        worked = median(run.worked for run in runs)
        figures = (median(walls), min(walls), max(walls), worked)
        limit = f"{allowed[number]:.1f} s" if number in allowed else ""
        rows.append((name, *(f"{figure:.2f} s" for figure in figures), limit))
    return Table(_HEAD, rows)


def _status(files: Sequence[Path]) -> Ran:
    return pgha("status", *map(str, files), okay=_WORST)


def _with_room(pair: Lab) -> None:
    """Each server is asked by all of its files at the same time."""
    for node in ("db1", "db0"):  # no standby may have less than its primary
        for name, value in (("max_connections", 300), ("max_wal_senders", 100)):
            ask(pair, node, f"alter system set {name} = {value}")
        restart(pair, node)


def _with(pair: Lab, path: Path, **changes: object) -> Path:
    told = {**yaml.safe_load(pair.pair_file.read_text()), **changes}
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(told))
    return path


def _files(folder: Path, pairs: Sequence[Lab], count: int) -> list[Path]:
    """So many pair files, in turn of these pairs."""
    return [_with(pairs[n % len(pairs)], folder / f"p{n}.yaml") for n in range(count)]


def _mute(folder: Path, pair: Lab, count: int, port: int) -> list[Path]:
    """So many pair files whose nodes are silent."""
    nodes = yaml.safe_load(pair.pair_file.read_text())["nodes"]
    for host, node in zip(("127.0.0.1", "localhost"), nodes.values(), strict=True):
        node |= {"host": host, "port": port, "ssh": {**node["ssh"], "port": port}}
    return [_with(pair, folder / "mute" / f"m{n}.yaml", nodes=nodes) for n in range(count)]


@contextlib.contextmanager
def _silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        yield int(listener.getsockname()[1])
