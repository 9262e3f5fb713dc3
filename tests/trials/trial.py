"""What a trial gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pgha_helpers.model.show import Table


@dataclass(frozen=True)
class Outcome:
    """Its table, the file of its picture if there is one, and what must not have happened and
    did.
    """

    heading: str
    table: Table
    faults: Sequence[str]
    picture: str = ""
