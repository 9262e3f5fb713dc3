"""manifest.json: the digest of every file of a finished record, and its place in the chain.

It also tells who completed it when.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...model.foreign import ODD

MANIFEST = "manifest.json"
SIGNATURE = f"{MANIFEST}.sig"
# a second manifest: of what was added to a record that was already complete
ATTACHED = "attached.json"
# and nothing else: it must not make any file look like ours
ATTACHABLE = ("notebook.ipynb", "notebook.html")
SEALING = ".sealing"  # stands in the folder while it is being completed
MANIFEST_FORMAT = 1
_OWN = (MANIFEST, SIGNATURE, ATTACHED, f"{ATTACHED}.sig")


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read.

    `digest` is that of its own file; `wrong` says why it cannot be used.
    """

    told: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    wrong: str = ""

    @property
    def files(self) -> Mapping[str, str]:
        """Names and digests; no name leaves the folder."""
        return dict(self.told.get("files", {}))


def sha256(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def contents(folder: Path) -> list[str]:
    """Every name in a record folder but those of the manifests themselves.

    A folder's name ends with `/`.
    """
    names = []
    for path in folder.iterdir():
        end = "/" if path.is_dir() and not path.is_symlink() else ""
        names.append(path.name + end)
    return sorted(name for name in names if name not in _OWN)


def digests(folder: Path, unread: Callable[[str], object] | None = None) -> dict[str, str]:
    """Name and SHA-256 of every file of a record.

    `unread` is told the name of each that only its owner may read. Without it, PermissionError is
    raised.
    """
    found = {}
    for name in (name for name in contents(folder) if name != SEALING and _is_file(folder / name)):
        try:
            found[name] = sha256(folder / name)
        except PermissionError:
            if unread is None:
                raise
            unread(name)
    return found


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def manifest_bytes(told: Mapping[str, Any]) -> bytes:
    """The bytes of a manifest: one name a line, so that `sed` and `sha256sum -c` can read it."""
    return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def read_manifest(path: Path) -> Manifest:
    """Read a manifest. Raises FileNotFoundError; whatever else is wrong is told in `wrong`."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    try:
        told = json.loads(data)
        files = told["files"]
        if not (isinstance(told, dict) and isinstance(files, dict)):
            raise TypeError
        format_ = int(told["format"])
    except ODD:
        return Manifest({}, digest, f"{path.name} is not a manifest")
    outside = [name for name in files if not _plain(name)]
    if outside:
        return Manifest(
            {}, digest, f"{path.name} names {outside[0]!r}, which is outside of the record"
        )
    if format_ > MANIFEST_FORMAT:
        return Manifest(
            told,
            digest,
            f"{path.name} is of format {format_}, and this pgha reads {MANIFEST_FORMAT}: "
            "use a newer pgha",
        )
    return Manifest(told, digest)


def _plain(name: str) -> bool:
    if name in ("", ".", ".."):
        return False
    return not set(name) & {"/", "\\", "\0"}
