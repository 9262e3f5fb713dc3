"""known_hosts as operators have it: hashed, with patterns, host CAs, revocations, and lines that
nobody can read.
"""

from __future__ import annotations

import base64
import hmac
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pgha_helpers.wire.known_hosts import KnownHosts, fingerprint


def blob(kind: str, *parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in (kind.encode(), *parts))


_KINDS = ("ed25519", "ecdsa", "rsa")
ED, OTHER = blob("ssh-ed25519", b"e" * 32), blob("ssh-ed25519", b"o" * 32)
RSA, EC = (
    blob("ssh-rsa", b"\1\0\1", b"r" * 256),
    blob("ecdsa-sha2-nistp256", b"nistp256", b"c" * 65),
)


def line(names: str, key: bytes, before: str = "", after: str = "") -> str:
    kind = key[4 : 4 + int.from_bytes(key[:4], "big")].decode()
    return f"{before}{names} {kind} {base64.b64encode(key).decode()}{after}\n"


def hashed(name: str) -> str:
    salt = b"s" * 20
    parts = (
        base64.b64encode(part).decode() for part in (salt, hmac.digest(salt, name.encode(), "sha1"))
    )
    return f"|1|{'|'.join(parts)}"


@pytest.fixture
def known(tmp_path: Path) -> Callable[..., KnownHosts]:
    def read(text: str | bytes, host: str = "db0", port: int = 22) -> KnownHosts:
        file = tmp_path / "known_hosts"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return KnownHosts(file, host, port)

    return read


@pytest.mark.parametrize(
    ("names", "host", "port", "is_known"),
    [
        ("db0", "db0", 22, True),
        ("DB0,10.0.0.1", "db0", 22, True),
        ("other,10.0.0.1", "10.0.0.1", 22, True),
        ("db0", "db0", 2222, False),
        ("[db0]:2222", "db0", 2222, True),
        ("[db0]:22", "db0", 22, False),
        ("*.example.com,!db0.example.com", "db0.example.com", 22, False),
        ("*.example.com,!db0.example.com", "db1.example.com", 22, True),
        ("[*]:2222", "db0", 2222, True),
        ("db?", "db0", 22, True),
        ("fe80::1", "FE80::1", 22, True),
        (hashed("db0"), "db0", 22, True),
        (hashed("[db0]:2222"), "db0", 2222, True),
        (hashed("db0"), "db1", 22, False),
        ("|1|nonsense", "db0", 22, False),
    ],
)
def test_a_line_names_hosts_as_openssh_reads_it(
    known: Callable[..., KnownHosts], names: str, host: str, port: int, is_known: bool
) -> None:
    assert known(line(names, ED), host, port).has(ED) is is_known


def test_a_host_has_several_keys_and_several_of_a_kind(known: Callable[..., KnownHosts]) -> None:
    found = known(
        "# ours\n\n"
        + line("db0", RSA)
        + line("db0\t", EC)
        + line("db0", OTHER)
        + line("db0", ED, after=" x")
    )
    assert all(map(found.has, (RSA, EC, OTHER, ED)))
    assert found.types == {"ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"}


def test_a_foreign_line_costs_nothing_but_itself(known: Callable[..., KnownHosts]) -> None:
    whole = base64.b64encode(ED).decode()
    foreign = [
        line("*", OTHER, "@cert-authority "),
        f"db0 ssh-ed25519 {whole[:20]}\n",
        f"db0 ssh-ed25519 {whole[:21]}\n",
        "db0 ssh-ed25519\n",
        "db0\n",
        "db0 1024 35 1234567\n",
        "db0 ssh-ed25519 caf\xe9\n",
        "caf\xe9 ssh-ed25519 x\n",
    ]
    text = "".join(foreign).encode("latin-1")
    found = known(text + line("db0", ED, after=" at home, caf").encode() + b"\xe9\n")
    assert found.has(ED) and not found.has(OTHER) and not found.revoked(ED)
    assert not found.instead_of(ED).startswith(fingerprint(OTHER)), (
        "a CA's key is no key of the host"
    )
    told = known(text).passed_over
    assert "line 2 there is cut short" in told and "line 1 there is of a host CA" in told
    assert not known(text).instead_of(ED), (
        "a line that was cut short does not say that the key has changed"
    )


def test_a_changed_key_is_told_from_one_of_another_kind(known: Callable[..., KnownHosts]) -> None:
    assert known(line("db0", OTHER)).instead_of(ED) == fingerprint(OTHER)
    assert known(line("db0", RSA)).instead_of(ED) == ""


def test_a_revoked_key_is_refused_whatever_else_pins_it(known: Callable[..., KnownHosts]) -> None:
    found = known(line("db0", ED) + line("*", ED, "@revoked "))
    assert found.has(ED) and "line 2" in found.revoked(ED) and not found.revoked(OTHER)


def test_a_revocation_that_cannot_be_read_is_one_of_any_key(
    known: Callable[..., KnownHosts],
) -> None:
    assert "cannot be read" in known(line("db0", ED) + "@revoked db0 ssh-ed25519 AAAA\n").revoked(
        ED
    )
    assert not known(line("db0", ED) + "@revoked db1 ssh-ed25519 AAAA\n").revoked(ED)


def test_what_is_no_file_is_refused_and_what_is_not_there_knows_nobody(tmp_path: Path) -> None:
    assert not KnownHosts(tmp_path / "absent", "db0", 22).has(ED)
    with pytest.raises(OSError, match="no file"):
        KnownHosts(tmp_path, "db0", 22)


def test_it_reads_what_ssh_keygen_writes(tmp_path: Path, need: Callable[..., None]) -> None:
    need("ssh-keygen", "openssh-client")
    for kind in _KINDS:
        subprocess.run(
            [
                "ssh-keygen",
                "-q",
                "-t",
                kind,
                *("-b", "2048") * (kind == "rsa"),
                "-N",
                "",
                "-f",
                tmp_path / kind,
            ],
            check=True,
        )
    pins = "".join(
        f"[db0]:2222 {(tmp_path / kind).with_suffix('.pub').read_text()}"
        for kind in ("ed25519", "rsa")
    )
    (tmp_path / "known_hosts").write_text(pins)
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", tmp_path / "known_hosts"], check=True, capture_output=True
    )
    found = KnownHosts(tmp_path / "known_hosts", "db0", 2222)
    keys = {
        kind: base64.b64decode((tmp_path / f"{kind}.pub").read_text().split()[1]) for kind in _KINDS
    }
    assert [found.has(keys[kind]) for kind in keys] == [True, False, True]
    told = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "rsa.pub"], capture_output=True, text=True, check=True
    )
    assert fingerprint(keys["rsa"]) in told.stdout
