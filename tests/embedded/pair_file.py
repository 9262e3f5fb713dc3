"""The pair file of a lab: what makes `pair = "lab"` work."""

from pathlib import Path
from typing import Any

import yaml

from .cluster import REPLICATION_USER, SUPERUSER
from .errors import LabError
from .places import NODES, Places
from .state import HOST, Ports, write_private

DATABASE = "postgres"
_HEADER = "# Written by `python -m tests.embedded up`; "


def render(places: Places, programs: Path, ports: dict[str, Ports]) -> str:
    """The text of the pair file; `programs` is the directory of PostgreSQL's programs."""
    pair = {
        "nodes": {name: _node(places, programs, name, ports[name]) for name in NODES},
        "user": SUPERUSER,
        "database": DATABASE,
        "passfile": str(places.passfile),
        "replication_user": REPLICATION_USER,
        "records": str(places.records),
    }
    body = yaml.safe_dump(
        pair, sort_keys=False, default_flow_style=None, allow_unicode=True, width=10_000
    )
    return f"{_HEADER}changes are lost at the next one.\n{body}"


def write(path: Path, text: str) -> None:
    """Write the pair file. Raises LabError when another author's file is in its place."""
    if path.exists() and not path.read_text("utf-8").startswith(_HEADER):
        raise LabError(
            f"{path} was not written by `python -m tests.embedded up`: move it away, or name "
            "another pair file"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, text, mode=0o644)


def remove(path: Path, folder: Path) -> None:
    """Delete the pair file, if it is still the one of the lab in `folder`."""
    try:
        pair = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError):
        return
    if isinstance(pair, dict) and pair.get("passfile") == str(folder / "pgpass"):
        path.unlink()


def _node(places: Places, programs: Path, name: str, ports: Ports) -> dict[str, Any]:
    node = places.node(name)
    return {
        "host": HOST,
        "port": ports.postgres,
        "data_directory": str(node.data),
        "bin_directory": str(programs),
        "service": "pg_ctl",
        "state_directory": str(node.state),
        "passfile": str(node.passfile),
        "ssh": {
            "host": HOST,
            "port": ports.ssh,
            "user": places.user.name,
            "key": str(places.key),
            "known_hosts": str(places.known_hosts),
        },
    }
