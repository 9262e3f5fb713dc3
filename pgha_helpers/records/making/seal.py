"""Completing a record: summary, report, manifest of digests, signature, and nothing secret.

A record is completed by the program that ran the notebook. One whose program was killed, or that
plain papermill left, is completed by the next `pgha records`, and its manifest says so. A record is
completed once, and the sequence says so: one that has lost its manifest is never given another, and
one that nobody has begun here is given none, because that would make an honest record of an edited
one.
"""

from __future__ import annotations

import getpass
import json
import platform
import shutil
import time
from pathlib import Path
from typing import Any

from ...model import Pair
from ...model.errors import Refusal, said
from ...model.here import here
from ...model.show import utc
from ...run.events import CHAINED, DIVERGED_KEPT, RUN_BEGUN
from ...run.journal import JOURNAL, Story, held_by_writer, read, release
from ...run.redaction import Redactor, secrets_of
from ..reading import by_hand, manifest, notebooks, signature
from ..reading.report import REPORT, report
from .by_journal import tell_by_journal, without_journal
from .chain_notes import note_completion
from .files import replace_file
from .folder import FolderLock, id_of, record_folders, record_name_of, records_of
from .notices import keep_notice
from .numbering import add_line, own_sequence, unlisted
from .outbox import attend_to
from .sequence import BEGUN, SEALED, SequenceLine, standings
from .summary import SUMMARY, is_brief, write_summary

PICTURES = ("lag", "canary", "throughput")
RECORD_FILES = {
    JOURNAL,
    notebooks.NOTEBOOK,
    REPORT,
    SUMMARY,
    *(f"{name}{kind}" for name in PICTURES for kind in (".csv", ".svg", "-phone.svg")),
}


def seal(folder: Path, story: Story, pair: Pair, by: str) -> None:
    """Complete the record of a run whose process has gone.

    `story` is its journal, read since then: it is parsed once, and handed on. Whoever calls holds
    the folder; see `FolderLock`. Raises Refusal or OSError when it cannot be done; the record
    then stays as it is, to be completed later.
    """
    own_sequence(pair).begin_with(lambda: unlisted(pair))
    known = standings(records_of(pair), pair.name, folder.name).get(folder.name, {})
    complete = (folder / manifest.MANIFEST).exists()
    if BEGUN not in known:
        raise Refusal(f"{folder.name} is in no sequence of records", "find out who put it there")
    if not complete and (SEALED in known or was_sealed(folder)):
        raise Refusal(
            f"{folder.name} was complete and has lost its manifest", "find out who took it away"
        )
    attend_to(pair)
    if not complete:
        keep_notice(folder, story, pair)
        _complete(folder, story, pair, by, known[BEGUN])
    if SEALED not in known:
        add_line(pair, SEALED, record=folder.name, **_told(folder, story, by))


def _complete(folder: Path, story: Story, pair: Pair, by: str, begun: SequenceLine) -> None:
    """Write all that a complete record has. The manifest is written last."""
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
    told = {
        **_manifest(folder, story, by),
        "sequence": {"number": begun.number, "line": begun.digest},
        **_signers(pair),
        "files": manifest.digests(folder),
    }
    said = {"notebook_file": shown, "put_aside": aside}
    written = manifest.manifest_bytes(told | {key: said[key] for key in said if said[key]})
    if pair.signing_key:
        replace_file(folder / manifest.SIGNATURE, signature.sign(written, pair.signing_key))
    replace_file(folder / manifest.MANIFEST, written)
    (folder / manifest.SEALING).unlink()
    _share(folder, kept, pair)


def complete_all(pair: Pair, by: str = "pgha records", note: bool = False) -> list[str]:
    """Complete every record of this pair that can be.

    Gives a sentence for each that could not, and why. With `note` the nodes are told, too; `pgha
    records` never uses the network unless it is asked to, there or in the pair file.
    """
    complaints = []
    attend_to(pair)
    try:
        known = standings(records_of(pair), pair.name)
    except OSError as error:
        return [f"the sequence of records cannot be read: {said(error)}"]
    for folder in record_folders(records_of(pair)):
        name = record_name_of(folder)
        if name is None or name.pair != pair.name or SEALED in known.get(folder.name, {}):
            continue
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
        (folder / manifest.SEALING).unlink(missing_ok=True)  # killed in its very last steps
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
    for path in folder.iterdir():
        if path.is_symlink():  # the name by which JupyterLab had the notebook open
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
    """Bring in the notebook of this run, and tell by the journal what its page has lost of it.

    Gives what is to be said of both.
    """
    adopted = _adopted(folder, story, scrub)
    return "; ".join(filter(None, (adopted, tell_by_journal(folder, story, scrub))))


def _adopted(folder: Path, story: Story, scrub: Redactor) -> str:
    """Bring in the notebook that JupyterLab has open, if it shows this run.

    Gives what is to be said of it. In JupyterLab a run that is begun again after a restart of the
    kernel has a record of its own, and the notebook that both were run in lies in the first one's.
    """
    own, run = folder / notebooks.NOTEBOOK, id_of(folder)
    if is_brief(story):
        own.unlink(missing_ok=True)
        return "a light verify that was well keeps none: its journal tells what each cell has seen"
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
        kept = notebooks.load_notebook(later / notebooks.NOTEBOOK)
        if kept is None or without_journal(kept) != mine:
            return again
        own.unlink()
        return f"{again}, and are kept there"
    if own.exists() and own.stat().st_mtime < (folder / JOURNAL).stat().st_mtime:
        return "it was saved before the run ended: the journal tells the rest"
    return "" if own.exists() else "nobody has left one here; pgha records attach adds it"


def _signers(pair: Pair) -> dict[str, str]:
    """The key that signs, and the digest of the list of those that may."""
    signer = signature.key_fingerprint(pair.signing_key) if pair.signing_key else ""
    told, allowed = {"signer": signer}, Path(here(pair.allowed_signers))
    if pair.allowed_signers and allowed.is_file():
        told["allowed_signers"] = manifest.sha256(allowed)
    return told


def _told(folder: Path, story: Story, by: str) -> dict[str, Any]:
    """What the sequence tells of a complete record: enough to know it by, and what was noted."""
    chained = story.first(CHAINED)
    told: dict[str, Any] = {
        "manifest": manifest.sha256(folder / manifest.MANIFEST),
        "outcome": story.outcome,
        "by": _hand(by),
        "late": _late(story, by),
    }
    if chained and not story.broken:
        told |= {"system_id": chained.get("system_id"), "number": chained.get("number")}
        told["begun"] = story.digests[chained["n"]]
    told["ended"] = story.digests[-1] if story.digests else ""
    return told


def _hand(by: str) -> str:
    return f"{by}, {getpass.getuser()} on {platform.node()}"


def _late(story: Story, by: str) -> str:
    """Why it was completed later than by its run; empty if it was not."""
    if story.state == "ended" and by != "pgha records":
        return ""
    return f"the run was {story.outcome}; completed by {by}"


def _manifest(folder: Path, story: Story, by: str) -> dict[str, Any]:
    begun, chained = story.first(RUN_BEGUN), story.first(CHAINED)
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
        "completed": {"at": utc(time.time()), "by": _hand(by), "late": _late(story, by)},
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
