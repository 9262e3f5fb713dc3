"""What the operator's known_hosts says of a host, as OpenSSH reads it; paramiko's own reader dies
of a foreign line.

Names may be hashed, patterns, or one of several; a host may have several keys. Lines of a host CA
are passed over, because paramiko asks no CA: the host's own key has to be pinned.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..model.foreign import text_of

_WILD = {"*": ".*", "?": "."}


@dataclass(frozen=True)
class Pin:
    """A line: what it is for (`cert-authority`, `revoked` or nothing), and its key's bytes; none if
    unreadable.
    """

    number: int
    marker: str
    key: bytes


class KnownHosts:
    """What a file says of one host. Raises OSError where there is a file that cannot be read."""

    def __init__(self, file: Path, host: str, port: int) -> None:
        name = (host if port == 22 else f"[{host}]:{port}").lower()
        if file.exists() and not file.is_file():
            raise OSError(errno.EINVAL, "it is no file")
        text = text_of(file.read_bytes()) if file.exists() else ""
        self._file = file
        self._pins = list(_pins_of(text, name))

    @property
    def types(self) -> set[str]:
        """Of the keys that are pinned: the host is to show one of these, whatever others it has."""
        return {_type_of(pin.key) for pin in self._pins if not pin.marker and pin.key}

    def revoked(self, key: bytes) -> str:
        """Why this key is never to be trusted; empty if nothing says so. A revocation that is
        unreadable is any's.
        """
        lines = [pin for pin in self._pins if pin.marker == "revoked" and pin.key in (key, b"")]
        if not lines:
            return ""
        what = "revokes a key of this host that cannot be read"
        if lines[0].key:
            what = "revokes this key"
        return f"line {lines[0].number} of {self._file} {what}"

    def has(self, key: bytes) -> bool:
        """Whether this very key is pinned."""
        return any(pin.key == key for pin in self._pins if not pin.marker)

    def instead_of(self, key: bytes) -> str:
        """The fingerprint of another key of this type that is pinned; empty if there is none."""
        others = [
            pin.key
            for pin in self._pins
            if not pin.marker and pin.key and _type_of(pin.key) == _type_of(key)
        ]
        return fingerprint(others[0]) if others else ""

    @property
    def passed_over(self) -> str:
        """What it says of this host that is of no use here, as an addition to a sentence; empty
        where there is none.
        """
        said = {"is cut short": "", "is of a host CA, which is not asked": "cert-authority"}
        told = [
            f"line {pin.number} there {words}"
            for words, marker in said.items()
            for pin in self._pins
            if pin.marker == marker and (marker or not pin.key)
        ]
        return "; ".join(["", *told])


def fingerprint(key: bytes) -> str:
    """As ssh-keygen -l shows it."""
    digest = hashlib.sha256(key).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def _pins_of(text: str, name: str) -> Iterator[Pin]:
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        marker = fields.pop(0)[1:] if fields[0].startswith("@") else ""
        if len(fields) > 1 and _names(fields[0], name):
            yield Pin(number, marker, _key(fields[1], fields[2] if len(fields) > 2 else ""))


def _names(told: str, name: str) -> bool:
    """Whether the first field of a line names this host: hashed, or a list of patterns, some of
    which exclude it.
    """
    if told.startswith("|1|"):
        return _hashed(told, name)
    matching = [
        pattern for pattern in told.lower().split(",") if _matches(pattern.removeprefix("!"), name)
    ]
    return bool(matching) and not any(pattern.startswith("!") for pattern in matching)


def _matches(pattern: str, name: str) -> bool:
    return (
        re.fullmatch("".join(_WILD.get(one) or re.escape(one) for one in pattern), name) is not None
    )


def _hashed(told: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in told[3:].split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(
        hmac.digest(salt, name.encode("utf-8", "surrogateescape"), "sha1"), digest
    )


def _key(kind: str, told: str) -> bytes:
    """The key's bytes, or none where the line was cut short: they are whole strings, each after its
    length.
    """
    try:
        key = base64.b64decode(told, validate=True)
    except ValueError:
        return b""
    at, parts = 0, 0
    while at < len(key):
        at, parts = at + 4 + int.from_bytes(key[at : at + 4], "big"), parts + 1
    return key if at == len(key) and parts > 1 and _type_of(key) == kind else b""


def _type_of(key: bytes) -> str:
    length = int.from_bytes(key[:4], "big")
    return text_of(key[4 : 4 + length])
