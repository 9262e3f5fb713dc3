"""The head of a record: who, when, why, and which run of which code this was.

It is listed here once, for the terminal and for the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .outages import as_seen, outage, without_primary
from .words import (
    JsonObject,
    chained,
    code,
    consent,
    minute,
    pairs_of,
    seconds_of,
    took,
    who,
)


@dataclass(frozen=True)
class Fact:
    """A fact and its names: `short` in a terminal, `long` on the page; None where it is not shown.

    `missing` is what the page says where it has no value; a terminal leaves it out. `look` are
    classes of the style sheet.
    """

    short: str | None
    long: str | None
    value: str
    missing: str = ""
    look: str = ""


def facts(told: JsonObject, legible: bool = True, has_ended: bool = True) -> list[Fact]:
    """The facts of a record in the order in which somebody asks.

    Of one that is not legible there are few; of one that has not ended `ended` is only its last
    line.
    """
    lasted = took(seconds_of(told)) if legible else ""
    found = list(_begun(told, f", {lasted}" if lasted else "", has_ended))
    return [*found, *_done(told)] if legible else found


def _begun(told: JsonObject, tail: str, has_ended: bool) -> Iterator[Fact]:
    began, ended = minute(told.get("began")), minute(told.get("ended"))
    over = f" to {ended}" if ended and has_ended else ""
    yield Fact("who", "Who", who(told), look="two")
    yield Fact("when", None, f"{began}{over}{tail}")
    yield Fact(None, "Began", began)
    yield Fact(None, "Ended", f"{ended}{tail}")
    yield Fact("why", "Why", str(told.get("reason") or "no reason given"), look="two")
    yield Fact("ticket", "Ticket", str(told.get("ticket") or ""), "none")
    yield Fact("pair", "Pair", str(told.get("pair") or ""))
    yield Fact("system", "System identifier", str(told.get("system_id") or ""), "not seen", "mono")
    yield Fact(None, "Run", str(told.get("run") or ""), look="mono")


def _done(told: JsonObject) -> Iterator[Fact]:
    yield Fact("run by", "How it was run", str(told.get("road") or ""), "not recorded")
    yield Fact("outage", None, outage(told))
    yield Fact("", None, without_primary(told))
    yield Fact("canary", None, as_seen(told))
    yield Fact(None, "Consent", consent(told), look="two")
    yield Fact("fenced by", "Fenced by", str(told.get("fenced_by") or ""), look="two")
    yield Fact(None, "What may be lost, as the gate said", _may_be_lost(told), look="two")
    yield Fact("chain", "Chain of changes", chained(told))
    yield Fact("continues", "Continues run", str(told.get("continues") or ""), look="mono")
    yield Fact("given", None, _given(told))
    version = told.get("version") or "of an unknown version"
    commit = code(told)
    yield Fact("code", "Code", f"pgha {version}, commit {commit or 'not known'}", look="two")
    source = str(told.get("source") or "")
    yield Fact(None, "Notebook's source, SHA-256", source, look="two mono")


def _may_be_lost(told: JsonObject) -> str:
    estimate = told.get("account")
    return "; ".join(map(str, estimate)) if isinstance(estimate, list) else ""


def _given(told: JsonObject) -> str:
    given = pairs_of(told.get("parameters")).items()
    return ", ".join(f"{key}={value}" for key, value in given if value not in ("", None))
