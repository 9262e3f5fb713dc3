"""Making journals and manifests that were edited look whole again."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from pgha_helpers.records.reading import manifest, signature

Lines = list[dict[str, Any]]


def forge_journal(folder: Path, edit: Callable[[Lines], object]) -> list[str]:
    """Edit the events of a journal, and make its chain whole again; gives the lines' digests."""
    path, text, digests = folder / "journal.jsonl", "", [""]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    edit(lines)
    for line in lines:
        new = json.dumps({**line, "prev": digests[-1]}, ensure_ascii=False)
        digests.append(sha256(new.encode()).hexdigest())
        text += new + "\n"
    path.write_text(text)
    return digests[1:]


def remake_manifest(folder: Path, key: str = "", **changes: Any) -> None:
    """Make a manifest true again: without its signature, or signed by a key."""
    told = json.loads((folder / manifest.MANIFEST).read_text())
    last = (folder / "journal.jsonl").read_bytes().splitlines()[-1]
    told |= {"journal_ends": sha256(last).hexdigest(), **changes}
    told |= {"signer": signature.key_fingerprint(key) if key else ""}
    written = manifest.manifest_bytes({**told, "files": manifest.digests(folder)})
    (folder / manifest.MANIFEST).write_bytes(written)
    (folder / manifest.SIGNATURE).unlink(missing_ok=True)
    if key:
        (folder / manifest.SIGNATURE).write_bytes(signature.sign(written, key))


def remade(
    folder: Path, place: dict[str, Any], known: dict[str, dict[str, str]], key: str
) -> dict[str, Any]:
    """Remake a record after others were, at its place; gives what its line in the sequence tells.

    `known` are the digests of the records before it, by run; this one is added.
    """

    def follows(lines: Lines) -> None:
        for line in lines:
            before = known.get((line.get("previous") or {}).get("run", ""))
            if line["event"] == "chained" and before:
                line["previous"] |= before

    digests = forge_journal(folder, follows)
    told = json.loads((folder / manifest.MANIFEST).read_text())
    previous = told.get("previous")
    if previous:
        previous |= known.get(previous["run"], {})
    remake_manifest(folder, key, sequence=place, previous=previous)
    digest = manifest.sha256(folder / manifest.MANIFEST)
    known[folder.name[-8:]] = {"journal": digests[-1], "manifest": digest}
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    chained = [event["n"] for event in events if event["event"] == "chained"]
    begun = {"begun": digests[chained[0]]} if chained else {}
    return {"manifest": digest, "ended": digests[-1], **begun}
