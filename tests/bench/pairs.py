"""Embedded pairs that are set up: what benchmarks and trials begin with."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

from pgha_helpers import look
from pgha_helpers.changes import plan_setup

from .. import embedded as lab
from ..lab.runs import carry_out, running


@contextlib.contextmanager
def pair_of(folder: Path, programs: Path | None = None, method: str = "") -> Iterator[lab.Lab]:
    """A pair that streams from db0 to db1, taken down whatever happens; `programs` are
    PostgreSQL's, or the wheel's, and `method` is that of setup.
    """
    try:
        made = lab.up(folder, start="empty", programs=programs)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            with running(made, "setup", method=method) as rehearsed:
                consent = plan_setup(rehearsed, look(rehearsed)).consent
            carry_out(made, "setup", consent, method=method)
        yield made
    finally:
        lab.down(folder, remove=True)
