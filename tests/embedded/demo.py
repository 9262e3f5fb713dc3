"""`make demo`: the whole cycle on an embedded pair, while a client keeps writing.

First act: setup, verify, a switchover, a wrecked old primary, its rebuild, verify, and the
switchover back. Second act: the primary is killed with -9, failover with the salvage of its disk,
rebuild, verify. Exits with 0 only if every step ended well and every acknowledged row is there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import make_dsn

from pgha_helpers.model.show import Table
from pgha_helpers.run.checkout import CHECKOUT, python

from . import Lab, LabError, Load, down, up
from .patience import attended

FOLDER = CHECKOUT / ".lab" / "demo"


@dataclass(frozen=True)
class Done:
    """One step of the demo; `outage` is the client's longest wait for a commit in it, in
    seconds.
    """

    step: str
    outcome: str
    seconds: float
    outage: float
    acknowledged: int
    record: str


def main(folder: Path = FOLDER) -> int:
    """Run the demo and print its table. Returns the exit status."""
    down(folder, remove=True)
    try:
        began = time.monotonic()
        print("Two PostgreSQL servers are made ...", flush=True)
        lab = up(folder)
        print(
            f"Two PostgreSQL servers are up after {time.monotonic() - began:.1f} s. A client "
            "begins to write.\n",
            flush=True,
        )
        return _cycle(lab)
    except LabError as error:
        print(f"\nThe demo could not go on: {error}", flush=True)
        return 1
    finally:
        print("Everything is taken down ...", flush=True)
        down(folder, remove=True)


def _cycle(lab: Lab) -> int:
    done = []
    # until setup is done both nodes are writable, and db1's cluster is moved aside
    kept = _dsn_of(lab, "db0")
    with Load(kept) as load:
        done.append(
            _step(load, "setup", lambda: _run(lab, "setup", "primary=db0", "confirm=setup db1"))
        )
    missing = load.missing(kept)
    with Load(lab.dsn) as load:
        for name, step in _acts(lab):
            if done[-1].outcome != "done":
                print("The demo ends here; above stands what that step said.", flush=True)
                break
            done.append(_step(load, name, step))
    missing += load.missing(lab.dsn)
    print(table(done, len(missing)))
    print(f"\nRecords: {lab.folder / 'records'}")
    return 0 if not missing and all(step.outcome == "done" for step in done) else 1


def _acts(lab: Lab) -> list[tuple[str, Callable[[], tuple[str, str]]]]:
    """The steps after setup, in order."""
    return [
        ("verify", lambda: _run(lab, "verify", "sample_seconds=2")),
        ("promote db1", lambda: _run(lab, "promote", "confirm=promote db1")),
        ("(db0's disk is wrecked)", lambda: _wreck(lab)),
        ("rebuild db0", lambda: _run(lab, "rebuild", "node=db0", "confirm=rebuild db0")),
        ("verify", lambda: _run(lab, "verify", "sample_seconds=2")),
        ("promote db0", lambda: _run(lab, "promote", "confirm=promote db0, back again")),
        ("(db0 is killed with -9)", lambda: _kill(lab)),
        (
            "promote db1, failover",
            lambda: _run(lab, "promote", "occasion=failover", "confirm=promote db1", ends=5),
        ),
        ("rebuild db0", lambda: _run(lab, "rebuild", "node=db0", "confirm=rebuild db0")),
        ("verify", lambda: _run(lab, "verify", "sample_seconds=2")),
    ]


def _wreck(lab: Lab) -> tuple[str, str]:
    lab.wreck("db0")
    return "done", ""


def _kill(lab: Lab) -> tuple[str, str]:
    lab.kill("db0")
    return "done", ""


def _dsn_of(lab: Lab, name: str) -> str:
    node = lab.node(name)
    return str(make_dsn(lab.dsn, host=node.host, port=node.port))


def _step(load: Load, name: str, act: Callable[[], tuple[str, str]]) -> Done:
    print(f"{name} ...", flush=True)
    began, before = time.time(), load.acknowledged
    outcome, record = act()
    ended = time.time()
    done = Done(
        name,
        outcome,
        ended - began,
        load.longest_gap(began, ended),
        load.acknowledged - before,
        record,
    )
    print(f"{name}: {outcome} after {done.seconds:.1f} s", flush=True)
    return done


def _run(lab: Lab, notebook: str, *parameters: str, ends: int = 0) -> tuple[str, str]:
    """One notebook through `pgha run`; its outcome and the name of its record folder.

    `ends` is the exit code of a good end: a failover leaves no standby, which is 5.
    """
    words = [word for parameter in (*parameters, "reason=make demo") for word in ("-p", parameter)]
    command = python("pgha_helpers", "run", notebook, str(lab.pair_file), *words)
    code, said = attended(command, notebook)
    if code != ends:
        print(f"`pgha run {notebook}` said:\n{said[-6000:]}", flush=True)
    record = said.rpartition("Record: ")[2].split("\n")[0].strip()
    return ("done" if code == ends else f"exit code {code}"), Path(record).name


def table(done: list[Done], missing: int) -> Table:
    """One row per step and a sum."""
    rows = [
        (
            d.step,
            d.outcome,
            f"{d.seconds:.1f}",
            f"{d.outage * 1000:.0f}",
            f"{d.acknowledged}",
            "",
            d.record,
        )
        for d in done
    ]
    total = (
        "all",
        "",
        f"{sum(d.seconds for d in done):.1f}",
        "",
        f"{sum(d.acknowledged for d in done)}",
        f"{missing}",
        "",
    )
    return Table(
        ("step", "outcome", "seconds", "outage, ms", "commits", "lost", "record"), [*rows, total]
    )


if __name__ == "__main__":
    sys.exit(main())
