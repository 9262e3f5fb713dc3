"""A pair file as people type it."""

from __future__ import annotations

from pathlib import Path

import yaml

GOOD = {
    "nodes": {
        name: {"host": host, "data_directory": "/data", "bin_directory": "/bin"}
        for name, host in (("db0", "10.0.0.1"), ("db1", "10.0.0.2"))
    }
}


def written(folder: Path, change: object = None, text: str = "") -> str:
    path = folder / "prod.yaml"
    path.write_text(text or yaml.safe_dump(change or GOOD))
    return str(path)
