"""Records as a table for other programs: CSV, or Parquet, with a row a run or a row a sample."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from ...model.errors import BadParameters
from ...model.lag_file import LagRow, lag_rows
from ..making.files import replace_file
from ..making.folder import record_folders
from .figures import Figures

if TYPE_CHECKING:
    import pandas as pd

RUNS, LAG = "runs", "lag"
_ENDINGS = (".csv", ".parquet")
_TYPES = {str: "string", bool: "boolean", int: "Int64", float: "Float64"}
_TIMES = ("began", "at")


def columns_of(what: str) -> dict[str, str]:
    """Name and type of each column of a table: `runs`, or `lag`. Raises BadParameters."""
    if what not in (RUNS, LAG):
        raise BadParameters(f"--what {what}", f"it may be {RUNS} or {LAG}")
    kinds = get_type_hints(Figures)
    if what == LAG:
        kinds = {"run": str, "notebook": str, **get_type_hints(LagRow)}
    return {name: _TYPES[(get_args(kind) or (kind,))[0]] for name, kind in kinds.items()}


def export(records: Path, runs: Sequence[Figures], what: str, into: Path) -> int:
    """Write a table of these runs, in one step; gives its number of rows.

    Raises BadParameters: for another kind of table or of file, where it cannot be written, and
    where what writes Parquet is not installed.
    """
    columns = columns_of(what)
    if into.suffix not in _ENDINGS:
        raise BadParameters(f"--into {into}", f"its name must end in {' or '.join(_ENDINGS)}")
    if into.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise BadParameters(
            f"--into {into}: what writes Parquet, pyarrow, is not installed",
            "install the extra `parquet`: pip install '.[parquet]' in the checkout; or name a .csv",
        )
    rows = list(_samples(records, runs)) if what == LAG else list(runs)
    try:
        replace_file(into, _bytes(_frame(columns, rows), into.suffix))
    except OSError as error:
        raise BadParameters(
            f"{into} cannot be written: {error.strerror}", "name another file, or mend that"
        ) from None
    return len(rows)


def _samples(records: Path, runs: Sequence[Figures]) -> Iterator[tuple[Any, ...]]:
    """Every sample of these runs, in their order."""
    folders = {path.name.rpartition("-")[2]: path for path in record_folders(records)}
    for run in runs:
        if folder := folders.get(run.run):
            yield from ((run.run, run.notebook, *row) for row in lag_rows(folder))


def _frame(columns: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows with their types: what is not known is missing, and no number stands for it."""
    import pandas as pd

    found = pd.DataFrame(rows, columns=list(columns), dtype=object)
    kind: Any
    for name, kind in columns.items():
        if name in _TIMES:
            form: dict[str, Any] = {"unit": "s"} if kind == "Float64" else {"format": "ISO8601"}
            told = found[name].astype(float) if kind == "Float64" else found[name]
            found[name] = pd.to_datetime(told, utc=True, errors="coerce", **form)
        else:
            found[name] = found[name].astype(kind)
    return found


def _bytes(frame: pd.DataFrame, ending: str) -> bytes:
    out = io.BytesIO()
    if ending == ".csv":
        frame.to_csv(out, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    else:
        frame.to_parquet(out, engine="pyarrow", index=False)
    return out.getvalue()
