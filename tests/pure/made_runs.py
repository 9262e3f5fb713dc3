"""A made-up run, and the lag and the steps that it has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pgha_helpers.model import Deed, DeedKind
from pgha_helpers.model.lag_file import LagRow
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import Journal
from pgha_helpers.run.parameters.pair_file import load_pair
from pgha_helpers.run.run import Run

ROWS = [
    LagRow(1000.0 + i / 5, 4096.0 * i, 4000.0 * i, i / 100, None, "db0", "db1") for i in range(10)
]
DEEDS = (
    Deed("db0", DeedKind.STOP_PRIMARY, "stopped the primary", True, 1000.5, 1000.7),
    Deed("db1", DeedKind.PROMOTE, "promote", True, 1000.7, 1000.9),
)


def run_in(folder: Path) -> Run:
    """A run that reaches no server: the chart asks it for names and limits only."""
    pair = load_pair(str(CHECKOUT / "parameters" / "example.yaml"))
    nobody: Any = None
    return Run("0badcafe", "verify", pair, {}, folder, Journal(folder), {}, nobody)
