"""Made-up records: runs as they leave their folders, and an archive of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pgha_helpers.model import DeedKind
from pgha_helpers.records.making.summary import summarise
from pgha_helpers.records.reading.entries import Entry, find
from pgha_helpers.run.events import FORMAT
from pgha_helpers.run.journal import Journal, read

HOSTILE = (
    "<script>alert('x')</script><img src=https://evil.example/x onerror=alert(1)> & "
    '"ünï"\x1b[31m\n名'
)
BEGAN = 1_795_376_791.0
DEEDS = (
    ("db0", DeedKind.ARM, "arm: the next start makes it a standby", 0.026),
    ("db0", DeedKind.STOP_PRIMARY, "stop", 0.022),
    ("db1", DeedKind.PROMOTE, "promote", 0.042),
)


def sighting(name: str, role: str, words: str) -> dict[str, Any]:
    facts = {
        "is": "Running",
        "node": name,
        "system_id": "7711",
        "settings": {"work_mem": "4MB", "fsync": "on"},
    }
    return {"nodes": {name: {"as": "Running", "role": role, "words": words}}, "facts": [facts]}


def both(primary: str, standby: str, **settings: str) -> dict[str, Any]:
    """What a look sees: a primary and a standby, and their settings."""
    two = [
        sighting(primary, "primary", "primary on timeline 1, at 0/1"),
        sighting(standby, "standby", "standby on timeline 1, at 0/1"),
    ]
    for each in two:
        each["facts"][0]["settings"].update(settings)
    nodes = {name: words for each in two for name, words in each["nodes"].items()}
    return {
        "nodes": {name: nodes[name] for name in sorted(nodes)},
        "facts": [each["facts"][0] for each in two],
    }


def write_run(
    records: Path,
    run: str = "0000000a",
    notebook: str = "verify",
    outcome: str = "done",
    *,
    pair: str = "prod",
    at: str = "20261122T101010Z",
    end: bool = True,
    level: str = "ok",
    settings: dict[str, str] | None = None,
    slower: float = 1.0,
    **told: Any,
) -> Path:
    """A record as a run leaves it; a promote that is done moves the primary from db0 to db1."""
    folder = records / f"{at}-{pair}-{notebook}-{run}"
    folder.mkdir(parents=True)
    began = datetime.strptime(at, "%Y%m%dT%H%M%S%z").timestamp()
    ticking = (began + 0.5 * tick for tick in count())
    journal = Journal(folder)
    with patch("pgha_helpers.run.journal.time.time", lambda: next(ticking)):
        write_lines(journal, run, notebook, outcome, pair, level, settings or {}, slower, told)
        if end:
            journal.write("run ended", outcome=outcome, words="")
    journal.close()
    return folder


def write_lines(
    journal: Journal,
    run: str,
    notebook: str,
    outcome: str,
    pair: str,
    level: str,
    settings: dict[str, str],
    slower: float,
    told: dict[str, Any],
) -> None:
    asked = {"reason": "kernel update", "ticket": "OPS-1", "operator": "ada", "confirm": ""} | told
    who = {"operator": asked["operator"], "typed": True, "from": "bastion", "road": "pgha run"}
    why = {"reason": asked["reason"], "ticket": asked["ticket"], "parameters": asked}
    code = {"version": "0.1.0", "git": {"commit": "c0ffee", "dirty": False}}
    what = {"format": FORMAT, "run": run, "notebook": notebook, "pair": pair}
    journal.write("run begun", **what, **who, **why, **code)
    journal.write("seen", **both("db0", "db1", **settings))
    if level == "ok":
        reason, remedy = ("", "")
    else:
        reason, remedy = ("41 MB behind, 16 MB allowed", "wait, or find out why")
    verdict = {
        "title": "The standby keeps up",
        "level": level,
        "reason": reason,
        "value": "41 MB",
        "limit": "16 MB",
    }
    journal.write("judged", worst=level, verdicts=[verdict | {"remedy": remedy}])
    if notebook == "promote" and outcome in ("done", "failed", "interrupted"):
        write_deeds(journal, slower, broken=outcome == "failed")
        journal.write("seen", **both("db1", "db0", **settings))


def write_deeds(journal: Journal, slower: float, *, broken: bool) -> None:
    journal.write("gate shown", wanted="promote db1")
    journal.write("gate answered", answer="promote db1", right=True, by="ada", seconds=3.2)
    journal.write("gate passed", locked=["db0", "db1"])
    began = BEGAN
    for node, kind, did, seconds in DEEDS:
        journal.write("deed begun", node=node, kind=kind, did=did)
        done = f"stopped the primary: shut down, at 0/{int(began)}" if did == "stop" else did
        facts = {"changed": True, "began": began, "seconds": seconds * slower}
        journal.write("deed ended", node=node, kind=kind, did=done, **facts)
        began += seconds * slower
    if broken:
        error = "the slot is gone"
        what = {"node": "db0", "kind": DeedKind.START, "did": "start the server"}
        journal.write("deed begun", **what)
        journal.write("deed failed", **what, error=error, seconds=1.5)
        journal.write(
            "error", kind="failure", type="NotAchieved", error=f"start the server on db0: {error}"
        )


def an_archive(folder: Path) -> Path:
    """Five runs of two pairs over three days, and what else may lie in a folder."""
    write_run(folder, "0a000001", at="20261120T080000Z")
    write_run(folder, "0a000002", "promote", at="20261121T080000Z", ticket="OPS-7")
    write_run(folder, "0b000003", outcome="critical", level="critical", at="20261121T230000Z")
    write_run(folder, "0b000004", "promote", "failed", at="20261122T080000Z")
    write_run(folder, "0b000005", pair="prod-eu", at="20261122T090000Z", operator="Zoë 名")
    (folder / "notes.txt").write_text("not ours")
    (folder / "somebody's folder").mkdir()
    (folder / ".hidden").mkdir()
    return folder


def ids(found: list[Entry]) -> list[str]:
    return [entry.id for entry in found]


def write_lag(folder: Path, *rows: str) -> None:
    head = "at,primary_bytes,standby_bytes,primary_seconds,standby_seconds"
    (folder / "lag.csv").write_text("\n".join([head, *rows]) + "\n")


def two_runs(folder: Path) -> tuple[Entry, Entry]:
    a = write_run(folder, "0000000a", "promote", confirm="promote db1")
    b = write_run(
        folder,
        "0000000b",
        "promote",
        confirm="promote db0",
        slower=2,
        settings={"work_mem": "8MB"},
        level="warning",
    )
    write_lag(a, "100.0,5120,0,0.1,0.2", "100.2,1024,0,0.1,0.2")
    write_lag(b, "900.0,10240,0,0.1,0.2", "900.2,1024,0,0.1,0.2")
    return find(folder, a.name), find(folder, b.name)


def measured(records: Path, number: int, days: float, **figures: Any) -> Path:
    """A sealed verify of so many days ago, or another notebook, whose record has these figures."""
    at = datetime.now(UTC) - timedelta(days=days)
    notebook, occasion = figures.pop("notebook", "verify"), figures.pop("occasion", "")
    made = write_run(
        records, f"{number:08x}", notebook, at=f"{at:%Y%m%dT%H%M%SZ}", occasion=occasion
    )
    (made / "record.json").write_text(json.dumps(summarise(read(made)) | figures))
    (made / "manifest.json").write_text("{}")
    return made


def lag(most: float, seconds: float = 0.0, rows: int = 1) -> dict[str, Any]:
    return {"rows": rows, "worst_bytes": most, "worst_seconds": seconds}
