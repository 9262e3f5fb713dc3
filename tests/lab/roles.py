"""Roles with no more than `pgha grants` prints, and the pair file that names them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from psycopg2.extensions import make_dsn

from ..conftest import pgha
from ..embedded import Lab
from .runs import changed_pair
from .servers import ask

WATCHER = "pgha_monitor"


def typed(lab: Lab, word: str, node: str = "db0") -> None:
    """What `pgha grants` prints, in psql, as a superuser; and a password."""
    told = pgha("grants", str(lab.pair_file), word)
    assert told.returncode == 0, told.stderr
    where = lab.node(node)
    psql = [str(where.bin_directory / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-d"]
    dsn = make_dsn(lab.dsn, host=where.host, port=where.port)
    done = subprocess.run([*psql, dsn], input=told.stdout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (role,) = re.findall(r'create role "(\w+)"', told.stdout)
    ask(lab, node, f"alter role {role} password %s", f"secret of {role}")


def with_role(lab: Lab, folder: Path, **roles: str) -> Path:
    """The lab's pair file with these roles, by their keys, and a passfile that has them."""
    passfile = folder / "passfile"
    lines = [f"*:*:*:{role}:secret of {role}\n" for role in roles.values()]
    passfile.write_text("".join([*lines, lab.passfile.read_text()]))
    passfile.chmod(0o600)
    return changed_pair(lab, folder, passfile=str(passfile), **roles)
