"""Writing the files of a record so that no half of one is ever read.

By temporary name, flushed, and renamed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...run.finding import find_notebook
from ..reading.notebooks import TYPED


def replace_file(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file in one step. Raises OSError, and then leaves what was there."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    if is_stream(path):
        path.write_bytes(data)
        return
    new = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def is_stream(path: Path) -> bool:
    """Whether it is a device or a pipe, such as /dev/stdout: root would put a file in its place."""
    return path.absolute().is_relative_to("/dev") or (path.exists() and not path.is_file())


def copy_notebook(notebook: str, parameters: Mapping[str, Any], target: Path) -> Path:
    """Write a copy of a notebook with these parameters in a cell of their own."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from papermill.iorw import load_notebook_node, write_ipynb
    from papermill.parameterize import parameterize_notebook

    write_ipynb(
        parameterize_notebook(
            load_notebook_node(str(find_notebook(notebook))), dict(parameters), comment=TYPED
        ),
        str(target),
    )
    return target
