"""Exit codes: the Nagios words for a verify, and for a change whether anything has begun."""

from __future__ import annotations

from collections.abc import Mapping

from ...judgement.notices import VERDICTS
from ...run.events import ERROR, RUN_BEGUN, SEEN
from ...run.journal import Story

BAD_PARAMETERS = 64
REFUSED, UNFINISHED = 4, 5

EXIT_CODES: Mapping[str, int] = {
    "done": 0,
    "already so": 0,
    "rehearsed": 0,
    "warning": 1,
    "critical": 2,
    "unknown": 3,
    "refused": REFUSED,
    "failed": UNFINISHED,
}


def exit_code(story: Story, signal: int = 0) -> int:
    """The exit code of a run: 4 or 5, and 128+n, are decided by whether a deed has begun.

    `signal` is the number of the signal that ended the run, or 0.
    """
    if signal and not story.changed:
        return 128 + signal
    if story.outcome in EXIT_CODES and not (story.outcome == "refused" and story.changed):
        return BAD_PARAMETERS if _mistyped(story) else EXIT_CODES[story.outcome]
    if story.changed:
        return UNFINISHED
    return BAD_PARAMETERS if _mistyped(story) else REFUSED


def could_see(story: Story) -> bool:
    """Whether this is a verify that has judged, and both nodes had answered it."""
    nodes = story.last(SEEN).get("nodes", {})
    answered = bool(nodes) and all(node.get("as") != "Silent" for node in nodes.values())
    is_verify = story.first(RUN_BEGUN).get("notebook") == "verify"
    return is_verify and answered and story.outcome in VERDICTS


def _mistyped(story: Story) -> bool:
    """Whether the run ended at a parameter that only the servers could show to be wrong."""
    return story.last(ERROR).get("type") == "BadParameters" and not story.changed
