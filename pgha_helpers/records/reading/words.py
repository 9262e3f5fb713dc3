"""What a record's facts are called when people read them.

Outcomes with a mark and a tone, times, and plain text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ...model.show import plural, span

JsonObject = Mapping[str, Any]
_ACTING = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")

#: Outcome -> its mark and its tone. A mark tells the tones apart in grey; a tone is a colour of the
#: style sheet.
OUTCOMES: Mapping[str, tuple[str, str]] = {
    "done": ("✓", "ok"),
    "already so": ("✓", "ok"),
    "rehearsed": ("○", "calm"),
    "warning": ("!", "warning"),
    "refused": ("⊘", "warning"),
    "abandoned": ("◌", "warning"),
    "interrupted": ("✗", "warning"),
    "critical": ("✗", "critical"),
    "failed": ("✗", "critical"),
    "unknown": ("?", "unknown"),
    "running": ("▸", "calm"),
    "not begun": ("○", "calm"),
    "unreadable": ("?", "unknown"),
    "newer version": ("?", "unknown"),
}


def tone(told: JsonObject) -> str:
    """The tone of a record's outcome: ok, calm, warning, critical or unknown.

    A run that left its work half done is worse than one that left before it began.

    >>> tone({"outcome": "interrupted"}), tone({"outcome": "interrupted", "changed": True})
    ('warning', 'critical')
    """
    found = OUTCOMES.get(str(told.get("outcome")), ("?", "unknown"))[1]
    if found == "warning" and told.get("changed") and told.get("outcome") != "warning":
        return "critical"
    return found


def mark(told: JsonObject) -> str:
    """The mark of a record's outcome, which says the same as its colour.

    >>> mark({"outcome": "done"}), mark({"outcome": "something new"})
    ('✓', '?')
    """
    return OUTCOMES.get(str(told.get("outcome")), ("?", ""))[0]


def visible(text: str) -> str:
    r"""Text without characters that act instead of being read.

    Control characters, and those that turn the line. A reason is typed by people, or pasted; what
    it holds must not repaint a terminal, or write itself backwards.

    >>> visible("a\n\x1b[31m"), visible("\u202egnp.exe")
    ('a\n�[31m', '�gnp.exe')
    """
    return _ACTING.sub("\N{REPLACEMENT CHARACTER}", text)


def plain(value: Any, width: int = 0) -> str:
    r"""Visible text in one line, for a terminal; at most `width` characters if that is given.

    >>> plain("a\n b\x1b[31m"), plain(None), plain("Überlänge", 5)
    ('a b�[31m', '', 'Über…')
    """
    text = "" if value is None else str(value)
    line = visible(" ".join(text.split()))
    if 0 < width < len(line):
        return line[: width - 1] + "…"
    return line


def finite(value: Any) -> float | None:
    """A finite number, or nothing: what stands in a file need not be one.

    >>> finite(3), finite("3"), finite(float("nan")), finite(True)
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def took(value: Any) -> str:
    """A duration as a person reads it; empty where there is none.

    >>> took(0.0976), took(None)
    ('98 ms', '')
    """
    seconds = finite(value)
    return "" if seconds is None else span(seconds)


def moment(text: Any) -> datetime | None:
    """A time as the journal writes it.

    >>> moment("2026-11-22T19:46:31.842Z").second, moment("yesterday"), moment(None)
    (31, None, None)
    """
    try:
        found = datetime.fromisoformat(str(text))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def minute(text: Any) -> str:
    """A time for a list, to the second, in UTC.

    >>> minute("2026-11-22T19:46:31.842Z"), minute("")
    ('2026-11-22 19:46:31Z', '')
    """
    found = moment(text)
    return f"{found:%Y-%m-%d %H:%M:%S}Z" if found else plain(text)


def seconds_of(told: JsonObject) -> float | None:
    """How long a run took: as it says, or from its first to its last line."""
    began, ended = moment(told.get("began")), moment(told.get("ended"))
    measured = (ended - began).total_seconds() if began and ended else None
    given = finite(told.get("seconds"))
    return measured if given is None else given


def pairs_of(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one in place of what is none."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list, or nothing in place of what is none."""
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def seen(told: JsonObject, when: str, node: str) -> str:
    """What a node was before or after the run, in words."""
    return _node(told, when, node, "words")


def nodes_of(told: JsonObject) -> list[str]:
    """The nodes that were seen, in the order of the pair."""
    before, after = pairs_of(told.get("before")), pairs_of(told.get("after"))
    return list(dict.fromkeys([*before, *after]))


def role(told: JsonObject, when: str, node: str) -> str:
    """What a node was before or after the run, in a word or two."""
    return _node(told, when, node, "role")


def _node(told: JsonObject, when: str, node: str, key: str) -> str:
    nodes = pairs_of(told.get(when))
    return str(pairs_of(nodes.get(node)).get(key) or "not seen")


def changes(told: JsonObject) -> str:
    """What a run changed, in a sentence: the roles that moved, and how many steps."""
    if not told.get("changed"):
        return "Nothing was changed."
    moved = []
    for node in nodes_of(told):
        before, after = role(told, "before", node), role(told, "after", node)
        if before != after:
            moved.append(f"{node}: {before} → {after}")
    deeds = listed(told.get("deeds"))
    count = sum(bool(deed.get("changed")) for deed in deeds)
    failed = sum("error" in deed for deed in deeds)
    told_steps = f"{plural(count, 'step')} changed something" if count else "No step was completed"
    told_steps += f", {failed} failed" if failed else ""
    return f"{'; '.join([*moved, told_steps])}."


def consent(told: JsonObject) -> str:
    """What was asked at the gate and what came of it, in a sentence."""
    gate = pairs_of(told.get("gate"))
    if not gate.get("wanted"):
        return ""
    words = f"“{gate['wanted']}”"
    if not gate.get("passed"):
        return f"{words} was needed and not given"
    by = f" by {gate['by']}" if gate.get("by") else ""
    waited = finite(gate.get("seconds"))
    if waited is not None and waited < 0.1:  # nobody types so fast: it came with the parameters
        return f"{words}, given beforehand{by}"
    after = f", {took(waited)} after it was asked" if waited else ""
    return f"{words}, given{by}{after}"


def doubts(told: JsonObject) -> list[str]:
    """What a reader has to know before believing the rest, in sentences."""
    found = []
    if told.get("clock_set_back"):
        found.append("The clock was set back while it ran: times may not be in order.")
    if isinstance(told.get("edited"), list) and told["edited"]:
        cells = ", ".join(str(cell) for cell in dict.fromkeys(map(str, told["edited"])))
        found.append(f"Cells were run that differ from the notebook's source: {cells}.")
    if pairs_of(told.get("git")).get("dirty"):
        found.append("The checkout had uncommitted changes.")
    return found


def who(told: JsonObject) -> str:
    """The operator, where from, and whether the name was typed or taken from the system."""
    name = str(told.get("operator") or "not recorded")
    place = f" on {told['from']}" if told.get("from") else ""
    if told.get("operator") and not told.get("typed"):
        return f"{name}{place} (user of the system, not typed)"
    return name + place


def code(told: JsonObject) -> str:
    """The commit that ran, and whether it was changed."""
    git = pairs_of(told.get("git"))
    if not git.get("commit"):
        return "not a git checkout" if told.get("run") else ""
    state = "with uncommitted changes" if git.get("dirty") else "clean"
    return f"{git['commit']}, {state}"


def chained(told: JsonObject) -> str:
    """Its place in the chain of changes.

    >>> (chained({"chain": {"number": 2, "previous": {"number": 1, "run": "0a1b2c3d"}}}),
    ... chained({"chain": None}))
    ('number 2, after run 0a1b2c3d', 'not chained')
    """
    chain = pairs_of(told.get("chain"))
    if "number" not in chain:
        return "not chained"
    before = pairs_of(chain.get("previous")).get("run") or chain.get("previous")
    place = f"after run {before}" if before else "the first"
    return f"number {chain['number']}, {place}"


def begun(deed: JsonObject) -> float | None:
    """When a deed began, in seconds since the epoch.

    One that failed tells only when it ended, and how long it took.

    >>> begun({"began": 3.5}), begun({"at": "1970-01-01T00:00:09Z", "seconds": 2}), begun({})
    (3.5, 7.0, None)
    """
    given, ended = finite(deed.get("began")), moment(deed.get("at"))
    if given is None and ended is not None:
        given = ended.timestamp() - (finite(deed.get("seconds")) or 0.0)
    return given if given is not None and 0 <= given < 1e11 else None
