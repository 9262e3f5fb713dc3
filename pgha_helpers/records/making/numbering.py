"""A new record's folder, and its line in the sequence of this machine."""

from __future__ import annotations

import platform
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...model import Pair
from ...model.errors import BadParameters, Refusal
from ..reading import manifest, signature
from .folder import RECORD_STAMP, record_folders, record_name_of, records_of
from .sequence import BEGUN, CLOSING, Sequence, SequenceLine, standings


def new_id() -> str:
    """Eight characters that tell runs of the same second apart."""
    return secrets.token_hex(4)


def make_folder(pair: Pair, notebook: str, run_id: str) -> Path:
    """A new folder, for its owner only, with its line in the sequence. Raises BadParameters.

    It is named by UTC time, pair, notebook and run id.
    """
    folder = (
        records_of(pair) / f"{datetime.now(UTC):{RECORD_STAMP}}-{pair.name}-{notebook}-{run_id}"
    )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise BadParameters(
            f"no record can be kept in {folder.parent}: {error.strerror}", "mend `records:`"
        ) from None
    try:
        add_line(pair, BEGUN, record=folder.name)
    except Refusal as error:
        folder.rmdir()
        raise BadParameters(error.what, error.remedy) from None
    return folder


def own_sequence(pair: Pair) -> Sequence:
    """That of this machine."""
    return Sequence(records_of(pair), pair.name, platform.node(), pair.records_group)


def add_line(pair: Pair, what: str, **facts: Any) -> SequenceLine:
    """Write a line into this machine's sequence. Raises Refusal.

    The first one tells which records were there already: of an older version, or because somebody
    has taken the sequence away.
    """
    own, key = own_sequence(pair), pair.signing_key if what in CLOSING else ""
    own.begin_with(lambda: unlisted(pair))

    def sign(data: bytes) -> bytes:
        return signature.bare(signature.sign(data, key))

    if not key:
        return own.append(what, **facts)
    return own.append(what, sign, **facts, signer=signature.key_fingerprint(key))


def unlisted(pair: Pair) -> dict[str, str]:
    """The records of this pair that no sequence tells of, and the digests of their manifests."""
    listed, found = standings(records_of(pair), pair.name), {}
    for folder in record_folders(records_of(pair)):
        name = record_name_of(folder)
        if name and name.pair == pair.name and folder.name not in listed:
            path = folder / manifest.MANIFEST
            found[folder.name] = manifest.sha256(path) if path.is_file() else ""
    return found
