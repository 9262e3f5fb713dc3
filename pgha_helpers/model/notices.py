"""A notice: what is told to those who are not here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

from .foreign import ODD

#: Of what is kept until it is sent; whoever changes a field counts it up.
NOTICE_FORMAT = 1


class NoticeKind(StrEnum):
    """What it is about. Of one record there is at most one of each."""

    VERDICT = "verdict"
    CHANGE = "change"
    GATE = "gate"
    RECORDS = "records"
    TRIAL = "trial"


@dataclass(frozen=True)
class Notice:
    """The title would do as a text message; the text says why, what to do and where the record is.

    `at` is when it came to be, in UTC, `record` the folder's name or empty. `to` are addresses as
    the pair file writes them, without a secret; `failed` is why it was not sent at last.
    """

    at: str
    pair: str
    kind: NoticeKind
    record: str
    title: str
    text: str
    to: tuple[str, ...] = ()
    failed: str = ""

    @property
    def json(self) -> str:
        """As it is kept."""
        return json.dumps({"format": NOTICE_FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str | bytes) -> Notice | None:
        """What was kept, or None for what is no notice, or one of a newer version."""
        try:
            told = json.loads(text)
            known = {key.name: told[key.name] for key in fields(cls)}
            to = tuple(map(str, known.pop("to")))
            kind = NoticeKind(known.pop("kind"))
            return cls(kind=kind, to=to, **known) if _is_ours(told) else None
        except ODD:
            return None


def _is_ours(told: Mapping[str, object]) -> bool:
    texts = ("at", "pair", "record", "title", "text", "failed")
    return told["format"] == NOTICE_FORMAT and all(isinstance(told[key], str) for key in texts)
