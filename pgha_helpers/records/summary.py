"""record.json: the journal's answers to who, when, why, what and how it ended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..journal import Story, read

NAME = "record.json"


def summarise(story: Story) -> dict[str, Any]:
    """The summary of a journal. Nothing in it is remembered from elsewhere."""
    began, seen = story.first("run begun"), [e for e in story.events if e["event"] == "seen"]
    end, error = story.last("run ended"), story.last("error")
    return {
        **{key: began.get(key) for key in ("run", "notebook", "pair", "operator", "typed", "from", "reason", "ticket")},
        **{key: began.get(key) for key in ("version", "git", "parameters", "continues")},
        "began": began.get("at"),
        "ended": story.events[-1]["at"] if story.events else None,
        "outcome": story.outcome,
        "changed": story.changed,
        "error": error.get("error"),
        "before": seen[0]["nodes"] if seen else None,
        "after": seen[-1]["nodes"] if seen else None,
        "verdicts": story.last("judged").get("verdicts", []),
        "gate": {
            "wanted": story.last("gate shown").get("wanted"),
            "passed": bool(story.first("gate passed")),
            "by": story.last("gate answered").get("by"),
        },
        "deeds": [_deed(e) for e in story.events if e["event"] in ("deed ended", "deed failed")],
        "outage_seconds": _outage(story),
        "fenced_by": story.last("fenced by").get("words"),
        "last": end.get("words"),
    }


def write_summary(folder: Path) -> None:
    """Write record.json from the folder's journal, by temporary name and rename."""
    text = json.dumps(summarise(read(folder)), indent=2, ensure_ascii=False) + "\n"
    new = folder / f".{NAME}.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NAME)


def _deed(event: dict[str, Any]) -> dict[str, Any]:
    return {key: event.get(key) for key in ("at", "node", "did", "changed", "seconds", "error") if key in event}


def _outage(story: Story) -> float | None:
    """Seconds from the request to stop the old primary until the new one was writable, as this machine measured it."""
    stop = [e for e in story.events if e["event"] == "deed ended" and e["did"].startswith("stopped the primary")]
    promoted = [e for e in story.events if e["event"] == "deed ended" and e["did"] == "promote"]
    if not (stop and promoted):
        return None
    return round(float(promoted[-1]["began"] + promoted[-1]["seconds"] - stop[-1]["began"]), 4)
