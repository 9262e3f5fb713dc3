"""Every edit of a signed archive that we can think of, again and again, on other places of it: is
it found, and by which verify?
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path

from pgha_helpers.model.show import Table

from .. import embedded as lab
from ..lab.archives import CHANGES, LIGHT, make_archive
from ..lab.edits import EDITS, VERIFIES
from .trial import Outcome


def tampering(folder: Path, count: int) -> Outcome:
    """Each edit so many times, on a copy of one archive; its seed is that of its number."""
    seed = int(os.environ.get("PGHA_SEED", "0")) or random.randrange(10**6)
    (home := folder / "home").mkdir()
    try:
        archive = make_archive(lab.up(folder / "lab", start="empty"), home)
    finally:
        lab.down(folder / "lab", remove=True)
    rows, faults = [], []
    for edit in EDITS:
        found: Counter[str] = Counter()
        for number in range(count):
            forged = archive.copied_to(home / "forged")
            what = edit.deed(random.Random(seed + number), forged)
            seen = edit.found_by(forged)
            found.update(seen)
            if "head" not in seen:
                faults.append(f"never found, seed {seed + number}: {what}")
            shutil.rmtree(home / "forged")
            for left in home.glob("forged.*"):
                left.unlink()
        rows.append((str(edit), edit.who, *(f"{found[name]} of {count}" for name in VERIFIES)))
        print("  ", *rows[-1], sep="  ", flush=True)
    heading = (
        f"{count * len(EDITS)} edits of a signed archive of {CHANGES + LIGHT} records: which "
        "`records verify` finds them"
    )
    columns = ("edit", "who could", "alone", "with --nodes", "with --nodes --head")
    return Outcome(heading, Table(columns, rows), faults)
