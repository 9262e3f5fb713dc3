"""Whether the primary could be moved, or lost, as a verify judged it: two verdicts, each with its
cost.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...judgement.checks.readiness import CHANGES, answered
from .words import JsonObject, pairs_of


def could_we(told: JsonObject) -> Iterator[tuple[str, str, list[str]]]:
    """Of each change its name, the answer, and what it would cost, in sentences; nothing where none
    was judged.

    >>> planned = {"answer": "yes", "to": "db1", "words": ["Nothing is lost."]}
    >>> list(could_we({"ready": {"switchover": planned}})), list(could_we({"ready": None}))
    ([('planned switchover', 'yes, to db1', ['Nothing is lost.'])], [])
    """
    for kind, name in CHANGES.items():
        ready = pairs_of(pairs_of(told.get("ready")).get(kind))
        if ready:
            answer, to = str(ready.get("answer")), str(ready.get("to"))
            yield name, answered(answer, to, _texts(ready.get("why"))), _texts(ready.get("words"))


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list | tuple) else []
