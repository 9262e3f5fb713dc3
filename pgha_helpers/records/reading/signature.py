"""Signatures by `ssh-keygen -Y`.

It is on every host that has ssh, works offline, and knows FIDO keys.
"""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...model.errors import Refusal
from ...model.foreign import text_of
from ...model.here import here

NAMESPACE = "pgha"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"


@dataclass(frozen=True)
class Signed:
    """What a signature says.

    `wrong` is empty when it is good; `who` is empty where nobody is listed as a signer.
    """

    wrong: str = ""
    who: str = ""
    key: str = ""


def key_fingerprint(key: str) -> str:
    """SHA256:… of a key. Raises Refusal when it cannot be read."""
    done = _keygen("-l", "-f", here(key))
    if done.returncode:
        raise Refusal(f"signing_key {key} cannot be read: {_words(done)}", "mend `signing_key:`")
    if not (told := _key(done)):
        raise Refusal(
            f"signing_key {key} cannot be read: ssh-keygen shows no fingerprint",
            "mend `signing_key:`",
        )
    return told


def sign(data: bytes, key: str) -> bytes:
    """A detached signature. Raises Refusal.

    Nobody is asked for a passphrase: such a key needs the ssh agent.
    """
    path = here(key)
    done = _keygen("-Y", "sign", "-n", NAMESPACE, "-f", path, stdin=data)
    if done.returncode:
        raise Refusal(
            f"the record cannot be signed with {key}: {_words(done)}",
            "mend `signing_key:`, or load the agent",
        )
    return done.stdout


def bare(signature: bytes) -> bytes:
    """A signature without the lines around it: what a line of the sequence has room for."""
    return base64.b64decode("".join(text_of(signature).split("\n")[1:-2]))


def dressed(body: bytes) -> bytes:
    """The same, as ssh-keygen writes and reads it."""
    plain = base64.b64encode(body).decode()
    lines = "".join(plain[i : i + 70] + "\n" for i in range(0, len(plain), 70))
    return f"{_BEGIN}{lines}{_END}".encode()


def check_signature(
    data: bytes, signature: bytes, allowed: str = "", at: str = "", of: str = "manifest"
) -> Signed:
    """Check a signature; with a file of allowed signers, also whose it is. `of` is for the words.

    `at` is when it was made, as UTC: a signer whose key is no longer valid has signed well as long
    as it was.
    """
    if not _well_formed(signature):
        return Signed("it is not a whole signature")
    with TemporaryDirectory(prefix="pgha-") as private:
        path = Path(private, "sig")
        path.write_bytes(signature)
        if allowed:
            return _whose(data, path, here(allowed), _at(at), of)
        done = _keygen("-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(path), stdin=data)
        if done.returncode == 0:
            return Signed(key=_key(done))
        return Signed(f"it is not of this {of}")


def _at(moment: str) -> tuple[str, ...]:
    digits = "".join(c for c in moment.split(".")[0] if c.isdigit())
    if len(digits) != 14:
        return ()
    return "-O", f"verify-time={digits}Z"


def _whose(data: bytes, signature: Path, allowed: str, at: tuple[str, ...], of: str) -> Signed:
    found = _keygen("-Y", "find-principals", *at, "-s", str(signature), "-f", allowed)
    who = text_of(found.stdout).split("\n")[0].strip()
    if found.returncode or not who:
        return Signed(f"its key is not in {allowed}")
    words = ("-Y", "verify", *at, "-n", NAMESPACE, "-f", allowed, "-I", who, "-s", str(signature))
    done = _keygen(*words, stdin=data)
    wrong = f"not {who}'s, of this {of}: {_words(done)}" if done.returncode else ""
    return Signed(wrong, who, _key(done))


def _key(done: subprocess.CompletedProcess[bytes]) -> str:
    words = text_of(done.stdout).split()
    return next((word for word in words if word.startswith("SHA256:")), "")


def _well_formed(signature: bytes) -> bool:
    """Whether it is, byte for byte, as ssh-keygen writes it.

    ssh-keygen also reads what somebody has changed around it.
    """
    text = signature.decode("ascii", "replace")
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        return False
    body = text[len(_BEGIN) : -len(_END)]
    try:
        return signature == dressed(base64.b64decode(body.replace("\n", ""), validate=True))
    except ValueError:
        return False


def _keygen(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Nobody is there to type a passphrase.

    Without a terminal and without askpass ssh-keygen fails instead.
    """
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["ssh-keygen", *words],
            input=stdin,
            capture_output=True,
            env=environment,
            start_new_session=True,
            timeout=60,
        )
    except FileNotFoundError:
        raise Refusal("there is no ssh-keygen here", "apt-get install openssh-client") from None
    except subprocess.TimeoutExpired:
        raise Refusal(
            "ssh-keygen gave no answer within 60 s", "does the key want to be touched?"
        ) from None


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(text_of(done.stderr).split()) or f"status {done.returncode}"
