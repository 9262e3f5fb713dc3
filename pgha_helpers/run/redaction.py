r"""No secret reaches a record, a terminal or a log.

Known values in every form they take, and whatever looks like one. Values come from passfiles and
from the environment. Texts that look like a password in a conninfo, a URI, a line of SQL or a
private key are taken out whether the value is known or not. A value of fewer than four characters
is only known by its looks: replacing every `abc` would leave a record that nobody can read.

What is not found: a value that was cut in two, whose every byte was written as `%41`, `\x41` or
`\u0041`, or that was encoded in another way than those of `_forms`; and an unknown value that
nothing around it calls a secret.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from ..model import Pair, passfile
from ..model.foreign import shown

REDACTED = "[redacted]"
SHORTEST = 4  # characters of a value that is looked for by itself
_NAMES = (
    "run notebook pair from road outcome system_id number previous continues source git "
    "version versions"
)
_STRUCTURE = frozenset(f"{_NAMES} sha256 cell node level kind type".split())
#: What apprise takes whose host is one; of its other schemes mostly a part of a token.
CLEAR_SCHEMES = ("mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms")
_TOKEN = re.compile(r"(?=[^/?&=:@]*[0-9])[^/?&=:@]{12,}")  # a part of an address that may be one
_LEAST_BASE64 = 6  # characters: a shorter run of base64 turns up in any picture by chance

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_QUOTED = (
    r"''[^']*''|'(?:\\.|''|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|\\\"(?:[^\"\\]|\\\\.)*\\\"|"
    r"[^\s,;'\")\]}\\]+"
)
#: What a secret is called, in a setting, a variable or a field.
_CALLED = (
    r"\w*(?:pass(?:word|wd|phrase)(?:_command)?|secret|token|api_?key|credentials?|"
    r"(?:access|account|encryption|master|secret|session|shared|storage)_key)"
)
_NOT_YET = r"(?!\\*[\"']*\[redacted\])"
_KEYS = ("pass", "secret", "token", "key", "credential")
#: Words of which one must be there, in small letters: to look for them costs a twentieth of the
#: pattern, and most texts have none. Then the pattern, and what is put instead.
_LOOKS = tuple(
    (words, re.compile(pattern, flags), instead)
    for words, pattern, flags, instead in (
        (
            ("://",),
            r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*://[^\s:/@'\"]*):(?!\[redacted\])[^\s@/'\"]+@",
            re.I,
            rf"\1:{REDACTED}@",
        ),
        (
            ("://",),
            r"(?<![a-z0-9+.-])(https?://)(?!\[redacted\])[^\s:/@'\"]+@",
            re.I,
            rf"\1{REDACTED}@",
        ),
        (
            ("?", "&"),
            r"([?&][\w.-]*(?:token|secret|sig|signature|password|key|auth|credential)=)[^\s&'\"<>\\]+",
            re.I,
            rf"\1{REDACTED}",
        ),
        (
            _KEYS,
            rf"\b({_CALLED})(\\*[\"']?\s*+[:=]++\s*+){_NOT_YET}(?:{_QUOTED})",
            re.I,
            rf"\1\2{REDACTED}",
        ),
        (  # --token X, and not --token-file X, nor --no-password --verbose
            _KEYS,
            r"(?<![\w-])(--?[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api-?key|access-key|credential)(?:=|\s+))"
            rf"(?!-){_NOT_YET}(?:{_QUOTED})",
            re.I,
            rf"\1{REDACTED}",
        ),
        (
            ("authoriz",),
            rf"\b(authorization\\*[\"']?\s*+[:=]\s*+[\"']?\w+\s+){_NOT_YET}[^\s'\"\\]+",
            re.I,
            rf"\1{REDACTED}",
        ),
        (("password",), r"\b(password\s+)'(?!\[redacted\])(?:''|[^'])*'", re.I, rf"\1'{REDACTED}'"),
        (("scram-",), r"SCRAM-SHA-256\$[^\s'\"\\]+", 0, REDACTED),
        (
            ("gh", "glpat-", "xox", "akia", "asia", "eyj"),
            r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|"
            r"A[KS]IA[A-Z0-9]{16}\b|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+)",
            0,
            REDACTED,
        ),
        (
            ("private key",),
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
            re.S,
            REDACTED,
        ),
    )
)


class Redactor:
    """Takes secrets out of text, and out of whatever holds text."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        secrets = [value for value in values if len(value) >= SHORTEST]
        forms = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        # what was taken out already stays as it is, also if a value is a part of the mark
        self._known = re.compile("|".join(map(re.escape, [REDACTED, *longest_first])), re.I)
        self._small = tuple({form.casefold() for form in forms})

    def text(self, text: str) -> str:
        """The text without secrets. Doing it twice changes nothing more.

        A coloured traceback has codes in the middle of names and values: where it holds a secret,
        it loses its colours.
        """
        if "\x1b" in text:
            plain = _COLOUR.sub("", text)
            clean = self._clean(plain)
            return text if clean == plain else clean
        return self._clean(text)

    def _clean(self, text: str) -> str:
        # whatever is said or kept comes through here, and not every reader takes a lone byte
        text = shown(text)
        small = text.casefold()
        if any(form in small for form in self._small):
            text = self._known.sub(REDACTED, text)
        for words, pattern, instead in _LOOKS:
            if any(word in small for word in words):
                text = pattern.sub(instead, text)
        return text

    def facts(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """A journal's facts without secrets.

        Names, outcomes and digests are none, whatever a passfile says. A password that is also the
        name of the pair would leave a record that belongs to no pair.
        """
        clean = {}
        for key, inner in value.items():
            clean[key] = inner if key in _STRUCTURE else self._under(key, inner)
        return clean

    def whole(self, value: Any) -> Any:
        """A copy of something made of dicts, lists and strings, without secrets; keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self._under(key, inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            # a secret may go over several lines, and a notebook's file splits them
            if _lines_of_one_text(value):
                return self.text("".join(value)).splitlines(keepends=True)
            return [self.whole(inner) for inner in value]
        return value

    def _under(self, key: Any, value: Any) -> Any:
        """What stands under a key.

        A parameter that is called a password is one, whatever it looks like.
        """
        if isinstance(value, str) and value and re.fullmatch(_CALLED, str(key), re.I):
            return REDACTED
        return self.whole(value)


def secrets_of(pair: Pair | None = None, environment: Mapping[str, str] = os.environ) -> set[str]:
    """Every secret that this process could come to know.

    Passfiles', PGPASSWORD, the pair's `secret_variables`, and where it reads addresses from.
    """
    places = [environment.get("PGPASSFILE", "") or "~/.pgpass"]
    names = ["PGPASSWORD", "PGSSLPASSWORD"]
    if pair is not None:
        places += [pair.passfile, *(node.passfile for node in pair if node.ssh is None)]
        places += [client.passfile for client in pair.clients]
        names += pair.secret_variables
    named = [place for place in places if place]
    found = {entry[4] for place in named for entry in passfile.lines_of_passfile(place)}
    found |= {environment[name] for name in names if environment.get(name)}
    for name in pair.address_variables if pair else ():
        found |= set(_secrets_in(environment.get(name, "")))
    return found


def _secrets_in(address: str) -> Iterator[str]:
    """An address, and what is a secret in it by itself: a library's complaint may tell a part.

    >>> list(_secrets_in("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"))[1:]
    ['TIiajkdnlazkcOXrIdevi7FQ']
    >>> list(_secrets_in("mailtos://ann:hunter2%21@mx1.example.org"))[1:]
    ['hunter2%21', 'hunter2!']
    """
    yield address
    try:
        told = urlsplit(address)
    except ValueError:  # nobody can send there, either
        return
    if told.password:
        yield from (told.password, unquote(told.password))
    beyond = address.partition("://")[2]
    if told.scheme in (*CLEAR_SCHEMES, "http", "https"):
        beyond = f"{told.path}?{told.query}"
    yield from _TOKEN.findall(beyond)


def _lines_of_one_text(value: Sequence[Any]) -> bool:
    if len(value) <= 1 or not all(isinstance(line, str) for line in value):
        return False
    return all(line.endswith("\n") for line in value[:-1])


def _forms(value: str) -> Iterator[str]:
    """A value in every form that it takes.

    As it stands, and as it looks after JSON, repr, a URI, HTML, SQL, a conninfo, base64 or
    hexadecimal.
    """
    raw, value = value.encode("utf-8", "surrogateescape"), shown(value)
    # upper: of ß another text, whatever the case is looked at
    yield from (value, value.upper(), value[::-1])
    yield from (json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    # a JSON text inside a JSON text: a notebook's metadata
    yield json.dumps(json.dumps(value)[1:-1])[1:-1]
    yield from (
        repr(value)[1:-1],
        quote(raw, safe=""),
        quote_plus(raw),
        escape(value),
        value.replace("'", "''"),
    )
    yield value.replace("\\", "\\\\").replace("'", "\\'")
    yield raw.hex()
    for shift in range(3):  # inside longer base64 a value may begin at any of three places
        text = base64.b64encode(b"\0" * shift + raw).decode()
        inside = text[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]
        if len(inside) >= _LEAST_BASE64:
            yield inside
            yield inside.replace("+", "-").replace("/", "_")
