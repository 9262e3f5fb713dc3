"""`pgha records attach`: the executed notebook of a run that was not made by `pgha run`.

Plain papermill, or somebody's JupyterLab, has made it.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
import time
from pathlib import Path

from ...model import Pair
from ...model.errors import BadParameters, Refusal
from ...model.show import utc
from ...run.events import RUN_BEGUN
from ...run.journal import JOURNAL, Story, held_by_writer, read
from ...run.parameters.pair_file import load_pair
from ...run.redaction import Redactor, secrets_of
from ..making.files import replace_file
from ..making.folder import FolderLock, id_of, record_folders, records_of
from ..making.numbering import add_line
from ..making.seal import seal
from ..making.sequence import ATTACHED
from ..making.summary import summarise
from . import by_hand, manifest, notebooks, signature
from .report import report

ATTACHED_REPORT = manifest.ATTACHABLE[1]


def attach(path: Path, pair_name: str = "") -> Path:
    """Put an executed notebook into the record of the run that it shows; gives the record's folder.

    `pair_name` is needed when the record has been moved since. A record that is not complete yet is
    completed. One that is keeps its manifest, and what is added is listed in a second one,
    `attached.json`. Raises BadParameters.
    """
    notebook = notebooks.load_notebook(path)
    if notebook is None:
        raise BadParameters(f"{path} is not a notebook", "name the file that papermill has written")
    pair = load_pair(pair_name) if pair_name else None
    folder = _record_of(path, notebook, pair)
    with FolderLock(folder) as keeping:
        if not keeping.held or held_by_writer(folder):
            raise Refusal(f"run {id_of(folder)} still goes on", "wait for its end")
        story = read(folder)
        pair = pair or _pair_of(story)
        if _has_one(folder):
            raise Refusal(
                f"{folder.name} has its executed notebook already", "a record is never changed"
            )
        clean = Redactor(secrets_of(pair)).whole(notebook)
        text = json.dumps(clean, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        replace_file(folder / notebooks.NOTEBOOK, text)
        if (folder / manifest.MANIFEST).exists():
            _add(folder, story, pair, path)
        else:
            seal(folder, story, pair, "pgha records attach")
    return folder


def _has_one(folder: Path) -> bool:
    """Whether a notebook is there that a manifest lists.

    One that is not is what an attach that failed has left.
    """
    complete, attached = folder / manifest.MANIFEST, folder / manifest.ATTACHED
    listed = True
    if complete.exists():
        listed = notebooks.NOTEBOOK in manifest.read_manifest(complete).files
    return (folder / notebooks.NOTEBOOK).exists() and (attached.exists() or listed)


def _record_of(path: Path, notebook: dict[str, object], pair: Pair | None) -> Path:
    shown = notebooks.record_shown(notebook)
    if shown is None:
        raise BadParameters(
            f"{path} shows no run", "its first cell must have been run: it prints the run's id"
        )
    if (shown / JOURNAL).exists() and pair is None:
        return shown
    folders = record_folders(records_of(pair)) if pair else []
    near = [folder for folder in folders if id_of(folder) == id_of(shown)]
    if not near:
        raise BadParameters(
            f"there is no record of run {id_of(shown)} in {shown.parent}",
            "name the pair with --pair",
        )
    return near[0]


def _pair_of(story: Story) -> Pair:
    parameters = story.first(RUN_BEGUN).get("parameters", {})
    return load_pair(str(parameters.get("pair", "")))


def _add(folder: Path, story: Story, pair: Pair, path: Path) -> None:
    """The second manifest is written last.

    Until it is there, whatever failed can be tried again.
    """
    added = [folder / name for name in manifest.ATTACHABLE]
    try:
        told = summarise(story)
        replace_file(folder / ATTACHED_REPORT, report(folder, told, by_hand.words(folder, pair)))
        written = manifest.manifest_bytes(
            _told(folder, pair, path, {one.name: manifest.sha256(one) for one in added})
        )
        if pair.signing_key:
            replace_file(
                folder / f"{manifest.ATTACHED}.sig", signature.sign(written, pair.signing_key)
            )
        replace_file(folder / manifest.ATTACHED, written)
        add_line(pair, ATTACHED, record=folder.name, attached=hashlib.sha256(written).hexdigest())
    except BaseException:
        for one in [*added, folder / f"{manifest.ATTACHED}.sig"]:
            one.unlink(missing_ok=True)
        raise


def _told(folder: Path, pair: Pair, path: Path, files: dict[str, str]) -> dict[str, object]:
    by = f"pgha records attach, {getpass.getuser()} on {platform.node()}"
    return {
        "format": manifest.MANIFEST_FORMAT,
        "record": folder.name,
        "run": id_of(folder),
        "to": manifest.sha256(folder / manifest.MANIFEST),
        "completed": {"at": utc(time.time()), "by": by, "from": str(path)},
        "signer": signature.key_fingerprint(pair.signing_key) if pair.signing_key else "",
        "files": files,
    }
