"""The named queries of the .sql files, each in the words of every dialect: the session that asks
takes those of its server.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ..model.dialect import OLDEST, Variants

_HEADING = re.compile(r"^-- name: (.+?)(?: since ([\d.]+))?$", re.MULTILINE)


def query(name: str) -> Variants:
    """A named query.

    >>> from pgha_helpers.model.dialect import Major
    >>> receiver = query("receiver")
    >>> "sender_host" in receiver.text(Major.parse("11"))
    True
    >>> "'' as sender_host" in receiver.text(Major.parse("10"))
    True
    """
    return all_queries()[name]


@cache
def all_queries() -> dict[str, Variants]:
    """Every one, by its name."""
    found: dict[str, dict[str, str]] = {}
    for file in ("queries.sql", "survey.sql", "canary.sql", "older.sql"):
        text = Path(__file__).with_name(file).read_text("utf-8")
        _, *parts = _HEADING.split(text)
        for names, since, sql in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            for name in names.split(" | "):
                versions = found.setdefault(name, {})
                versions[since or str(OLDEST)] = sql.strip().rstrip(";")
    return {name: Variants(name, texts) for name, texts in found.items()}
