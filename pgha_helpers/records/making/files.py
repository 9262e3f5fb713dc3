"""Writing the files of a record so that no half of one is ever read.

By temporary name, flushed, and renamed.
"""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file in one step. Raises OSError, and then leaves what was there."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
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
