"""The named queries of the .sql files, by the dialect of the server that is asked."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_HEADING = re.compile(r"^-- name: (.+?)(?: since (\d+))?$", re.MULTILINE)


def query(name: str, major: int = 99) -> str:
    """The text of a named query for this major version: the newest that is not too new.

    >>> "sender_host" in query("receiver", 11), "'' as sender_host" in query("receiver", 10)
    (True, True)
    """
    versions = _all()[name]
    newest = max(since for since in versions if since <= major)
    return versions[newest]


@cache
def _all() -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {}
    for file in ("queries.sql", "survey.sql", "canary.sql"):
        text = Path(__file__).with_name(file).read_text("utf-8")
        _, *parts = _HEADING.split(text)
        for name, since, sql in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            versions = found.setdefault(name, {})
            versions[int(since or 0)] = sql.strip().rstrip(";")
    return found
