"""Where records live, and how a folder is named."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from ..errors import BadParameters
from ..model import Pair
from ..parameters.pair_file import CHECKOUT

VARIABLE = "PGHA_RECORD"  # names the folder that `pgha run` and `pgha open` have made for the kernel's first run


def records_of(pair: Pair) -> Path:
    """The folder of this pair's records: `records:` of the pair file, or `records/` of the checkout."""
    return CHECKOUT / Path(pair.records).expanduser() if pair.records else CHECKOUT / "records"


def new_id() -> str:
    """Eight characters that tell runs of the same second apart."""
    return secrets.token_hex(4)


def make_folder(pair: Pair, notebook: str, run_id: str) -> Path:
    """A new folder, named by UTC time, pair, notebook and run id, for its owner only. Raises BadParameters."""
    folder = records_of(pair) / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{pair.name}-{notebook}-{run_id}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise BadParameters(f"no record can be kept in {folder.parent}: {error.strerror}", "mend `records:`") from None
    return folder


def announced_folder() -> Path | None:
    """The folder that was made for this kernel's first run, unless a run has used it."""
    name = os.environ.get(VARIABLE, "")
    folder = Path(name)
    return folder if name and folder.is_dir() and not (folder / "journal.jsonl").exists() else None


def id_of(folder: Path) -> str:
    """The run id at the end of a record folder's name."""
    return folder.name.rsplit("-", 1)[-1]
