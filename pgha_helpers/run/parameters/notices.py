"""What the types cannot say of `notify:`, `heartbeat:`, `on_record:` and `prometheus:`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ...model import Pair
from ...model.pair import FROM_ENVIRONMENT, variable_of
from ..redaction import CLEAR_SCHEMES

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile("pass|pwd|secret|token|key|auth|credential|sig")
_ELSEWHERE = (
    "secrets do not belong in a pair file: put the whole address into a variable of the "
    "environment, say PGHA_NOTIFY, and write env:PGHA_NOTIFY"
)


def in_lists(raw: Mapping[str, Any]) -> dict[str, Any]:
    """One address for a list of one, and a command in one text for its words.

    Raises ValueError for a text that does not end its quotes.
    """
    found = dict(raw)
    if isinstance(found.get("notify"), str):
        found["notify"] = [found["notify"]] if found["notify"] else []
    if isinstance(command := found.get("on_record"), str):
        try:
            found["on_record"] = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"on_record: {command!r} is no command: {error}") from None
    return found


def notices_nonsense(pair: Pair) -> Iterator[str]:
    """What is wrong in them, each as a sentence. None of them shows an address."""
    for number, address in enumerate(pair.notify, 1):
        yield from _address_nonsense(f"notify.{number}", address, CLEAR_SCHEMES)
    if pair.heartbeat:
        yield from _address_nonsense("heartbeat", pair.heartbeat, ("http", "https"))
    if pair.on_record and not pair.on_record[0]:
        yield "on_record: its first word is empty; it is the program"
    if pair.prometheus and not re.fullmatch(r"~?/.*\.prom", pair.prometheus):
        yield (
            f"prometheus: {pair.prometheus!r} must be an absolute path that ends in .prom, as in "
            "/var/lib/prometheus/node-exporter/prod.prom: node_exporter reads no other"
        )
    if pair.timeouts.notify <= 0:
        yield "timeouts.notify: must be more than 0 s"


def _address_nonsense(where: str, address: str, clear: tuple[str, ...]) -> Iterator[str]:
    if address.startswith(FROM_ENVIRONMENT):
        if not _VARIABLE.fullmatch(variable_of(address)):
            yield f"{where}: after env: the name of a variable is expected, as in env:PGHA_NOTIFY"
        return
    try:
        told = urlsplit(address)
    except ValueError:
        told = urlsplit("")
    if not told.scheme or "://" not in address:
        yield f"{where}: an address is expected, as in {clear[0]}://…, or env:NAME"
    elif told.password or _looks_secret(told.query):
        yield f"{where}: it holds a password or a token; {_ELSEWHERE}"
    elif told.scheme not in clear and "http" in clear:
        yield f"{where}: an http:// or https:// address is expected, or env:NAME"
    elif told.scheme not in clear:
        yield f"{where}: of {told.scheme}:// the address itself is a secret; {_ELSEWHERE}"


def _looks_secret(query: str) -> bool:
    """Whether one of its keys is called a secret, or is a header, which is where tokens are sent.

    >>> [_looks_secret(q) for q in ("to=a@b.example", "+X-Trace=1", "to=a&apiKey=1", "")]
    [False, True, True, False]
    """
    keys = [part.partition("=")[0].lower() for part in query.split("&")]
    return any(key.startswith("+") or _SECRET.search(key) for key in keys)
