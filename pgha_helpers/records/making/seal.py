"""Completing a record: summary, report, manifest of digests, signature, and nothing secret.

A record is completed by the program that ran the notebook. One whose program was killed, or that
plain papermill left, is completed by the next `pgha records`, and its manifest says so. A record is
completed once: one that has lost its manifest is never given another, because that would make an
honest record of an edited one.
"""

from __future__ import annotations

import getpass
import json
import platform
import shutil
import time
from pathlib import Path
from typing import Any

from ...changes.chain import note_record
from ...model import Pair
from ...model.errors import Refusal, said
from ...model.show import utc
from ...run.events import CHAINED, DIVERGED_KEPT, RUN_BEGUN, SEEN
from ...run.journal import JOURNAL, Story, held_by_writer, read, release
from ...run.redaction import Redactor, secrets_of
from ...wire.doors import Door
from ..reading import by_hand, manifest, notebooks, signature
from ..reading.report import REPORT, report
from .chain_notes import notes_of
from .files import replace_file
from .folder import FolderLock, id_of, record_folders, records_of
from .summary import SUMMARY, write_summary

PICTURES = ("lag", "canary", "throughput")
RECORD_FILES = {
    JOURNAL,
    notebooks.NOTEBOOK,
    REPORT,
    SUMMARY,
    *(f"{name}.{kind}" for name in PICTURES for kind in ("csv", "svg")),
}


def seal(folder: Path, story: Story, pair: Pair, by: str) -> None:
    """Complete the record of a run whose process has gone.

    `story` is its journal, read since then: it is parsed once, and handed on. Whoever calls holds
    the folder; see `FolderLock`. Raises Refusal or OSError when it cannot be done; the record
    then stays as it is, to be completed later.
    """
    if (folder / manifest.MANIFEST).exists():
        return
    if was_sealed(folder):
        raise Refusal(
            f"{folder.name} was complete and has lost its manifest", "find out who took it away"
        )
    scrub = Redactor(secrets_of(pair))
    kept = {str(event.get("file")) for event in story.events if event["event"] == DIVERGED_KEPT}
    release(folder / JOURNAL)
    (folder / manifest.SEALING).touch()
    aside = _put_aside(folder, kept)
    redact_file(folder / notebooks.NOTEBOOK, scrub)
    shown = _adopt_notebook(folder, story, scrub)
    replace_file(
        folder / REPORT, report(folder, write_summary(folder, story), by_hand.words(folder, pair))
    )
    signer = signature.key_fingerprint(pair.signing_key) if pair.signing_key else ""
    said = {"notebook_file": shown, "put_aside": aside}
    written = manifest.manifest_bytes(
        _manifest(folder, story, by, signer) | {key: said[key] for key in said if said[key]}
    )
    if pair.signing_key:
        replace_file(folder / manifest.SIGNATURE, signature.sign(written, pair.signing_key))
    replace_file(folder / manifest.MANIFEST, written)
    (folder / manifest.SEALING).unlink()
    _share(folder, kept, pair)


def note_completion(folder: Path, story: Story, pair: Pair) -> None:
    """Note the digest of a chained record's manifest on both nodes.

    A node that does not take it is told aloud.
    """
    notes = list(notes_of(folder, story))
    # whoever did not answer then is not waited for once more
    lost = story.last(SEEN).get("nodes", {})
    answering = [node for node in pair if lost.get(node.name, {}).get("as") != "Silent"]
    doors = [Door(node, pair) for node in answering] if notes else []
    try:
        for system_id in {system for system, _ in notes}:
            mine = [note for system, note in notes if system == system_id]
            for name, why in note_record(system_id, mine, doors).items():
                words = f"The completed record could not be noted on {name}: {why}"
                print(Redactor(secrets_of(pair)).text(words), flush=True)
    finally:
        for door in doors:
            door.close()


def complete_all(pair: Pair, by: str = "pgha records", note: bool = False) -> list[str]:
    """Complete every record of this pair that can be.

    Gives a sentence for each that could not, and why. With `note` the nodes are told, too; `pgha
    records` never uses the network unless it is asked to.
    """
    complaints = []
    for folder in record_folders(records_of(pair)):
        try:
            with FolderLock(folder) as keeping:
                left = _left(folder, pair) if keeping.held else None
                if left is not None:
                    seal(folder, left, pair, by)
                    if note:
                        note_completion(folder, left, pair)
        except Exception as error:  # one odd folder must not hide all others
            complaints.append(f"{folder.name} could not be completed: {said(error)}")
    return complaints


def _left(folder: Path, pair: Pair) -> Story | None:
    """The journal of an incomplete record that nobody attends to any more.

    None of any other record, and of one that is no run of this pair.
    """
    if not (folder / JOURNAL).exists() or was_sealed(folder) or held_by_writer(folder):
        return None
    if (folder / manifest.MANIFEST).exists():
        (folder / manifest.SEALING).unlink(missing_ok=True)  # killed in its very last step
        return None
    story = read(folder)
    begun = story.first(RUN_BEGUN)
    ours = begun.get("pair") == pair.name and begun.get("run") == id_of(folder)
    return story if ours else None


def was_sealed(folder: Path) -> bool:
    """Whether a record without a manifest has had one: its report or signature is still there."""
    there = {path.name for path in folder.iterdir()}
    if there & {manifest.MANIFEST, manifest.SEALING}:
        return False
    return bool(there & {REPORT, manifest.SIGNATURE})


def redact_file(path: Path, scrub: Redactor) -> None:
    """Take secrets out of a notebook that was saved by somebody else than our engine."""
    told = notebooks.load_notebook(path)
    clean = scrub.whole(told)
    if told is not None and clean != told:
        replace_file(path, json.dumps(clean, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def _put_aside(folder: Path, kept: set[str]) -> list[str]:
    """Leave nothing in the record that is not of the run.

    What else was saved there is moved beside it, not deleted. `kept` are files that the run's
    journal tells of. Gives the names of what was moved. JupyterLab's file browser shows the
    record's folder, so a person may well have left notes in it.
    """
    for path in folder.glob(".*.new"):  # what a writer that was killed has left half done
        path.unlink()
    # JupyterLab's own copies, unredacted
    shutil.rmtree(folder / ".ipynb_checkpoints", ignore_errors=True)
    ours = RECORD_FILES | kept | {manifest.SEALING, manifest.SIGNATURE}
    others = [path for path in folder.iterdir() if path.name not in ours]
    aside = folder.with_name(f"{folder.name}.others")
    if others:
        aside.mkdir(mode=0o700, exist_ok=True)
    for path in others:
        path.rename(aside / path.name)
    return sorted(path.name for path in others)


def _adopt_notebook(folder: Path, story: Story, scrub: Redactor) -> str:
    """Bring in the notebook that JupyterLab has open, if it shows this run.

    Gives what is to be said of it. In JupyterLab a run that is begun again after a restart of the
    kernel has a record of its own, and the notebook that both were run in lies in the first one's.
    """
    own, run = folder / notebooks.NOTEBOOK, id_of(folder)
    at_work = Path(story.first(RUN_BEGUN).get("file") or own)
    mine = notebooks.load_notebook(own)
    if mine is None and at_work != own:
        open_there = notebooks.load_notebook(at_work)
        if open_there is not None and run in notebooks.runs_shown(open_there):
            shutil.copyfile(at_work, own)
            redact_file(own, scrub)
            return f"copied from {at_work}"
    later = None if mine is None else notebooks.record_shown(mine)
    if later is not None and id_of(later) != run:
        again = f"it was run again: its outputs are those of run {id_of(later)}"
        if notebooks.load_notebook(later / notebooks.NOTEBOOK) != mine:
            return again
        own.unlink()
        return f"{again}, and are kept there"
    if own.exists() and own.stat().st_mtime < (folder / JOURNAL).stat().st_mtime:
        return "it was saved before the run ended: the journal tells the rest"
    return "" if own.exists() else "nobody has left one here; pgha records attach adds it"


def _manifest(folder: Path, story: Story, by: str, signer: str) -> dict[str, Any]:
    begun, chained = story.first(RUN_BEGUN), story.first(CHAINED)
    if story.state == "ended" and by != "pgha records":
        late = ""
    else:
        late = f"the run was {story.outcome}; completed by {by}"
    return {
        "format": manifest.MANIFEST_FORMAT,
        "record": folder.name,
        "run": begun.get("run"),
        "pair": begun.get("pair"),
        "notebook": begun.get("notebook"),
        "outcome": story.outcome,
        "system_id": chained.get("system_id"),
        "number": chained.get("number"),
        "previous": chained.get("previous"),
        "journal_ends": story.digests[-1] if story.digests else "",
        "completed": {
            "at": utc(time.time()),
            "by": f"{by}, {getpass.getuser()} on {platform.node()}",
            "late": late,
        },
        "signer": signer,
        "files": manifest.digests(folder),
    }


def _share(folder: Path, kept: set[str], pair: Pair) -> None:
    """Readable by the owner, and by `records_group` where one is named; by nobody else.

    What a run has kept of a node, its WAL and the list of what is in it, stays with the owner: it
    holds the rows.
    """
    files = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    for path in [*files, folder]:
        shared = bool(pair.records_group) and path.name not in kept
        if shared:
            shutil.chown(path, group=pair.records_group)
        path.chmod(0o700 | 0o50 * shared if path == folder else 0o600 | 0o40 * shared)
