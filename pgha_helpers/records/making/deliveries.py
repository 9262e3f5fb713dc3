"""Which records `on_record:` has still to bring away, by what the sequence tells."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .sequence import ATTACHED, DELIVERED, SEALED, THINNED, SequenceLine, pairs_in

_DELIVERY = re.compile(
    rf'"what": "({SEALED}|{ATTACHED}|{DELIVERED}|{THINNED})"(?:, "record": "([^"]*)")?'
)


def undelivered(texts: Iterable[str]) -> dict[str, SequenceLine]:
    """The records that it has not taken since they were last added to, the oldest first.

    By name; with each the line that sealed it. `texts` are a sequence's lines as they stand there:
    of ten thousand records only those that wait are parsed.
    """
    sealed, found, thinned = dict[str, str](), dict[str, str](), set[str]()
    for text in texts:
        told = _DELIVERY.search(text)
        what, record = told.groups() if told else ("", "")
        if what == SEALED:
            sealed[record] = found[record] = text
        elif what == ATTACHED and record in sealed:
            found[record] = sealed[record]
        elif what == DELIVERED:
            found.pop(record, None)
        elif what == THINNED:
            thinned |= pairs_in(_parsed(text), "records").keys()
    lines = map(_parsed, found.values())
    return {line.record: line for line in lines if line.record not in thinned}


def _parsed(text: str) -> SequenceLine:
    return SequenceLine.parse(text.encode("utf-8", "surrogateescape"))
