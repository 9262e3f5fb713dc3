"""No secret reaches a record, a terminal or a log: known values in every form they take, and whatever looks like one.

Values come from passfiles and from the environment. Texts that look like a password in a conninfo, a URI, a line of
SQL or a private key are taken out whether the value is known or not. A value of fewer than four characters is only
known by its looks: replacing every `abc` would leave a record that nobody can read.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

from . import passfile
from .model import Pair

MARK = "[redacted]"
SHORTEST = 4  # characters of a value that is looked for by itself
_NAMES = "run notebook pair from road outcome system_id number previous continues source git version versions"
_STRUCTURE = frozenset(f"{_NAMES} sha256 cell node level kind type".split())
_LEAST_BASE64 = 6  # characters: a shorter run of base64 turns up in any picture by chance

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_QUOTED = r"''[^']*''|'(?:\\.|''|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|\\\"(?:[^\"\\]|\\\\.)*\\\"|[^\s,;'\")\]}\\]+"
_LOOKS = (
    (
        re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*://[^\s:/@'\"]*):(?!\[redacted\])[^\s@/'\"]+@", re.I),
        rf"\1:{MARK}@",
    ),
    (
        re.compile(
            rf"\b(\w*pass(?:word|wd|phrase)|secret)(\\*[\"']?\s*+[:=]++\s*+)(?!\\*[\"']*\[redacted\])(?:{_QUOTED})",
            re.I,
        ),
        rf"\1\2{MARK}",
    ),
    (re.compile(r"\b(password\s+)'(?!\[redacted\])(?:''|[^'])*'", re.I), rf"\1'{MARK}'"),
    (re.compile(r"SCRAM-SHA-256\$[^\s'\"\\]+"), MARK),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S), MARK),
)


class Redactor:
    """Takes secrets out of text, and out of whatever holds text."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """The text without secrets. Doing it twice changes nothing more.

        A coloured traceback has codes in the middle of names and values: where it holds a secret, it loses its colours.
        """
        if "\x1b" in text:
            plain = _COLOUR.sub("", text)
            return text if (clean := self._clean(plain)) == plain else clean
        return self._clean(text)

    def _clean(self, text: str) -> str:
        if self._known:
            text = self._known.sub(MARK, text)
        for pattern, instead in _LOOKS:
            text = pattern.sub(instead, text)
        return text

    def facts(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """A journal's facts without secrets: names, outcomes and digests are none, whatever a passfile says.

        A password that is also the name of the pair would leave a record that belongs to no pair.
        """
        return {key: inner if key in _STRUCTURE else self._under(key, inner) for key, inner in value.items()}

    def whole(self, value: Any) -> Any:
        """A copy of something made of dicts, lists and strings, without secrets; keys are left as they are."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self._under(key, inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            if _lines_of_one_text(value):  # a secret may go over several lines, and a notebook's file splits them
                return self.text("".join(value)).splitlines(keepends=True)
            return [self.whole(inner) for inner in value]
        return value

    def _under(self, key: Any, value: Any) -> Any:
        """What stands under a key: a parameter that is called a password is one, whatever it looks like."""
        secret = (
            isinstance(value, str) and value and re.fullmatch(r"\w*(passw(or)?d|passphrase|secret)", str(key), re.I)
        )
        return MARK if secret else self.whole(value)


def secrets_of(pair: Pair | None = None, environment: Mapping[str, str] = os.environ) -> set[str]:
    """Every secret that this process could come to know: passfiles', PGPASSWORD, and the pair's `secret_variables`."""
    places = [environment.get("PGPASSFILE", "") or "~/.pgpass"]
    names = ["PGPASSWORD", "PGSSLPASSWORD"]
    if pair is not None:
        places += [pair.passfile, *(node.passfile for node in pair if node.ssh is None)]
        places += [client.passfile for client in pair.clients]
        names += pair.secret_variables
    found = {entry[4] for place in places if place for entry in passfile.entries(place)}
    return found | {environment[name] for name in names if environment.get(name)}


def _lines_of_one_text(value: Sequence[Any]) -> bool:
    return len(value) > 1 and all(isinstance(v, str) for v in value) and all(v.endswith("\n") for v in value[:-1])


def _forms(value: str) -> Iterator[str]:
    """A value as it stands, and as it looks after JSON, repr, a URI, HTML, SQL, a conninfo, base64 or hexadecimal."""
    yield value
    yield from (json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    yield json.dumps(json.dumps(value)[1:-1])[1:-1]  # a JSON text inside a JSON text: a notebook's metadata
    yield from (repr(value)[1:-1], quote(value, safe=""), quote_plus(value), escape(value), value.replace("'", "''"))
    yield value.replace("\\", "\\\\").replace("'", "\\'")
    raw = value.encode("utf-8", "surrogateescape")
    yield raw.hex()
    for shift in range(3):  # inside longer base64 a value may begin at any of three places
        text = base64.b64encode(b"\0" * shift + raw).decode()
        inside = text[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]
        if len(inside) >= _LEAST_BASE64:
            yield inside
            yield inside.replace("+", "-").replace("/", "_")
