"""Where a lab lives on disk, and as whom its servers run.

`folder` is the operator's: what the lab remembers, keys, passwords, records. `home` is the
servers'. An ordinary user has both in one place. As root they are two, because PostgreSQL refuses
to run as root, and the unprivileged user that runs it instead can seldom enter the operator's
folder (one below /root, for example).
"""

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError
from .users import ServerUser, server_user, user_name

MARKER = ".pgha-lab"
NODES = ("db0", "db1")
_LEFT_ALONE = {"records"}


@dataclass(frozen=True)
class NodePlaces:
    """The directories and files of one node, all below the home of the servers."""

    name: str
    home: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def unfinished(self) -> Path:
        """Where initdb works; renamed to `data` when all is written, so that `data` is never half a
        cluster.
        """
        return self.home / "data.unfinished"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def server_log(self) -> Path:
        return self.state / "server.log"

    @property
    def passfile(self) -> Path:
        return self.home / "pgpass"

    @property
    def ssh_log(self) -> Path:
        return self.home / "sshd.log"


@dataclass(frozen=True)
class OperatorsFolder:
    """What the operator of a pair keeps: records, passfile, key and pins."""

    folder: Path

    @property
    def records(self) -> Path:
        return self.folder / "records"

    @property
    def passfile(self) -> Path:
        return self.folder / "pgpass"

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"


@dataclass(frozen=True)
class Places(OperatorsFolder):
    """The folder of the operator and the home of the servers of one lab."""

    home: Path
    user: ServerUser

    def node(self, name: str) -> NodePlaces:
        return NodePlaces(name, self.home / name)

    @property
    def nodes(self) -> list[NodePlaces]:
        return [self.node(name) for name in NODES]

    @property
    def state_file(self) -> Path:
        return self.folder / "lab.json"

    @property
    def default_pair_file(self) -> Path:
        return self.folder / "lab.yaml"

    def host_key(self, name: str) -> Path:
        return self.folder / f"{name}_host_ed25519"

    @property
    def operator_files(self) -> list[Path]:
        """Every file that the lab writes into its folder, the pair file excepted."""
        keys = [self.key, *(self.host_key(name) for name in NODES)]
        return [
            self.state_file,
            self.passfile,
            self.known_hosts,
            *keys,
            *(public_half(key) for key in keys),
        ]

    def carries_marker(self) -> bool:
        """Whether the home was made by a lab for this very folder."""
        try:
            return self._is_ours(self.home) and (self.home / MARKER).read_text("utf-8") == _mark(
                self.folder
            )
        except OSError:
            return False

    def prepare(self) -> None:
        """Make the home and the folders of the nodes, for nobody else to write in; harmless when
        they are there.

        Raises LabError when something that is not this lab's is in the way. Root's home lies where
        everybody may make one beforehand: who owned it could put a link into the place of a node,
        and root would follow it.
        """
        if not self.carries_marker():
            self._claim()
        self.own_directory(self.home)
        for node in self.nodes:
            self.own_directory(node.home)
            self.own_directory(node.state)

    def own_directory(self, path: Path) -> None:
        """Make `path` a private directory (0700) of the server user. Raises LabError when it is
        somebody else's.
        """
        if not os.path.lexists(path):
            path.mkdir(mode=0o700)
        if not self._is_ours(path):
            raise LabError(f"{path} was not made by this lab: move it away, or name another folder")
        path.chmod(0o700)
        self.own(path)

    def _is_ours(self, path: Path) -> bool:
        """Whether it is a directory, and no link to one, of the user who runs this or of the server
        user.
        """
        found = path.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid in (os.geteuid(), self.user.uid)

    def own(self, path: Path) -> None:
        """Give `path` to the server user."""
        if self.user.switch:
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)

    def remove(self) -> None:
        """Delete what the lab made, and nothing else: records stay, and so does whatever has
        another author.
        """
        if self.carries_marker():
            for path in [
                *(node.home for node in self.nodes),
                *self.home.glob("postgresql-*"),
                self.home / MARKER,
            ]:
                _delete(path)
        for path in self.operator_files:
            path.unlink(missing_ok=True)
        for directory in {self.home, self.folder}:
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()

    def _claim(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # left by a `down --remove` that was killed
        own = {path.name for path in self.operator_files}
        strangers = {entry.name for entry in self.home.iterdir()} - _LEFT_ALONE - own
        if strangers:
            raise LabError(
                f"{self.home} is not a lab and not empty: move it away, or name another folder"
            )
        self.own_directory(self.home)
        (self.home / MARKER).write_text(_mark(self.folder), "utf-8")


def find_places(folder: Path) -> Places:
    """The places of the lab in `folder`, made or not. Raises LabError when another OS user owns
    it.
    """
    folder = folder.expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise LabError(f"{folder} is not a directory: name another folder for the lab")
    if folder.exists() and folder.stat().st_uid != os.geteuid():
        raise LabError(
            f"{folder} belongs to {user_name(folder.stat().st_uid)}: run as that user, or name "
            "another folder"
        )
    if folder.exists() and folder.stat().st_mode & stat.S_IWOTH:
        raise LabError(
            f"everybody may write in {folder}: chmod o-w {folder}, or name another folder"
        )
    user = server_user()
    return Places(folder, _home_for_root(folder) if user.switch else folder, user)


def public_half(key: Path) -> Path:
    """The file of the public half of an ssh key."""
    return key.with_name(key.name + ".pub")


def _home_for_root(folder: Path) -> Path:
    lasting = Path("/var/tmp")  # survives a reboot, as the folder does
    parent = lasting if lasting.is_dir() else Path(tempfile.gettempdir())
    return parent / f"pgha-lab-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"


def _mark(folder: Path) -> str:
    return f"Made by `python -m tests.embedded up` for {folder}\n"


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
