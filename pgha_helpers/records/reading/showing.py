"""One record told in full for a terminal.

Who, when and why, what was found, what was done, and where the files are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...model.show import MARKS, Table, utc
from .entries import Entry
from .head import Fact, facts
from .ready import could_we
from .verdicts import Judged, judgements
from .words import (
    JsonObject,
    begun,
    changes,
    consent,
    doubts,
    finite,
    listed,
    mark,
    nodes_of,
    plain,
    seen,
)


def record_text(entry: Entry) -> str:
    """Everything that a record tells, in the order in which somebody asks."""
    told = entry.told
    parts = [_head(entry)]
    if entry.legible:
        told_of = (_topology, _ready, _gate, _verdicts, _deeds)
        parts += [part for part in (tell(told) for tell in told_of) if part]
    return "\n\n".join([*parts, _files(entry)])


def _head(entry: Entry) -> str:
    told = entry.told
    name = " ".join(str(word) for word in (told["notebook"], told["run"]) if word)
    why = f" ({entry.why})" if entry.why else ""
    lines = [f"{mark(told)} {plain(name)}: {plain(told['outcome'])}{why}"]
    if entry.legible:
        lines += [changes(told), *_stopped(told), *doubts(told)]
    return "\n".join([*lines, "", *_aligned(facts(told, entry.legible, entry.state == "ended"))])


def _stopped(told: JsonObject) -> Iterator[str]:
    """The error in its own lines; else the last words.

    Not if they are the table of verdicts that is shown below.
    """
    if told.get("error"):
        yield from (plain(line) for line in str(told["error"]).splitlines())
    elif told.get("last") and "\n" not in str(told["last"]):
        yield plain(told["last"])


def _aligned(found: Sequence[Fact]) -> list[str]:
    shown = (fact for fact in found if fact.short is not None and fact.value)
    return [f"{fact.short:<10} {plain(fact.value)}" for fact in shown]


def _topology(told: JsonObject) -> str:
    rows = [
        (node, seen(told, "before", node), seen(told, "after", node)) for node in nodes_of(told)
    ]
    return _table("Before and after", ("node", "before", "after"), rows)


def _gate(told: JsonObject) -> str:
    return f"Gate\n  {plain(consent(told))}" if consent(told) else ""


def _ready(told: JsonObject) -> str:
    lines = list[str]()
    for change, answer, cost in could_we(told):
        lines += [f"  {change}: {plain(answer)}", *(f"    {plain(words)}" for words in cost)]
    return "\n".join(["Could the primary be moved?", *lines]) if lines else ""


def _verdicts(told: JsonObject) -> str:
    head = ("", "check", "value", "limit", "why not, and what to do")
    parts = []
    for found in judgements(told):
        rows = [
            (MARKS[one.level], one.title, one.value, one.limit, _why(one)) for one in found.verdicts
        ]
        parts.append(_table(f"{found.title or 'Verdicts'}: {found.told}", head, rows))
        if found.unasked:
            parts.append(plain(f"  Not asked: {'; '.join(found.unasked)}."))
    return "\n\n".join(parts)


def _why(verdict: Judged) -> str:
    return " ".join(f"{words}." for words in (verdict.reason, verdict.remedy) if words)


def _deeds(told: JsonObject) -> str:
    rows = []
    for deed in listed(told.get("deeds")):
        began, seconds = begun(deed), finite(deed.get("seconds"))
        when = "" if began is None else utc(began)
        if "error" not in deed:
            did = deed.get("did")
        else:
            did = f"{deed.get('did')}: FAILED, {deed['error']}"
        lasted = "" if seconds is None else f"{seconds:10.3f} s"
        rows.append((when, deed.get("node"), "yes" if deed.get("changed") else "no", lasted, did))
    return _table("Steps", ("began", "node", "changed", "      took", "step"), rows)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    table = str(Table(head, [[plain(cell) for cell in row] for row in rows]))
    return "\n".join([title, *(f"  {line}" for line in table.splitlines())])


def _files(entry: Entry) -> str:
    try:
        inside = sorted(
            path.name for path in entry.folder.iterdir() if not path.name.startswith(".")
        )
    except OSError as error:
        inside = [f"cannot be listed: {error.strerror}"]
    seal = "sealed by its manifest" if entry.sealed else "not sealed"
    return f"Files, {seal}, in {plain(entry.folder)}\n  {plain(', '.join(inside))}"
