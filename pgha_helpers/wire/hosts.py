"""The hosts that a connection string of clients names, one by one."""

from __future__ import annotations

from typing import Any

from ..model.errors import BadParameters
from .sql import keywords


def hosts_of(dsn: str) -> list[dict[str, Any]]:
    """A connection string's settings, once for each host that it names, in its order. Raises
    BadParameters.

    libpq goes on to the next host only after connect_timeout, and never in an asynchronous
    connection: whoever has a deadline of his own tries them one by one.
    """
    try:
        told: dict[str, Any] = {**keywords(dsn)}
    except ValueError as error:
        raise BadParameters(
            f"a connection string of clients is {error}", "see `clients:`"
        ) from None
    lists = {key: told.pop(key).split(",") for key in ("host", "hostaddr", "port") if key in told}
    count = max(map(len, lists.values()), default=1)
    if any(len(values) not in (1, count) for values in lists.values()):
        raise BadParameters(
            "a connection string has more ports than hosts, or fewer",
            "one port, or one for each host",
        )
    return [
        {**told, **{key: values[n % len(values)] for key, values in lists.items()}}
        for n in range(count)
    ]
