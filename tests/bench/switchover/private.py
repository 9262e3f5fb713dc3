"""Programs that refuse to run as root, in a folder of their own, ended one by one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ...embedded import cluster

_LONGEST = 60.0
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


class Private:
    """A folder that belongs to the user who runs what is private: whoever runs this, but `postgres`
    for root.

    A context manager: at its end every process that was started here is ended, and every server
    below the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._undo = ExitStack()
        # what its programs are to know beyond where they are at home
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Private:
        self.folder.mkdir(mode=0o700)
        self.own(self.folder)
        self._undo.callback(cluster.stop_all, self.folder)
        self._undo.callback(self._let_go_of_ssh)
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _let_go_of_ssh(self) -> None:
        """A connection that ssh shares outlives whoever began it, by the time it is to persist."""
        for socket in self.folder.glob("ssh-*"):
            words = ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "whoever"]
            subprocess.run(words, capture_output=True, timeout=_LONGEST, **self._as_user())

    @property
    def user(self) -> str:
        """The user's name."""
        return (self._user or pwd.getpwuid(os.geteuid())).pw_name

    def own(self, path: Path) -> None:
        """Give a file or directory to the user."""
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the user's, which nobody else may read; it replaces an older one at
        once.
        """
        new = self.folder / f".{name}.new"
        new.touch(mode=0o600)
        new.write_text(text)
        self.own(new)
        return new.replace(self.folder / name)

    def start(self, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start a program that stays. What it says is in `<program>.log`, one after the other."""
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            words, how = [str(word) for word in command], self._as_user()
            started = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **how
            )
        self._undo.callback(_end, started)
        return started

    def run(self, *command: str | Path) -> str:
        """Run a program to its end; what it said. Raises RuntimeError with its last words if it
        fails.
        """
        words = [str(word) for word in command]
        out = self.folder / f"{Path(command[0]).name}.said"
        with out.open("w+") as said:  # no pipe: a server that it starts would keep that open
            done = subprocess.run(
                words,
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                timeout=_LONGEST,
                **self._as_user(),
            )
        told = out.read_text("utf-8", "replace")
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(words)} ended with {done.returncode}: {told.strip()[-1500:]}"
            )
        return told

    def _as_user(self) -> dict[str, Any]:
        environment = {
            "PATH": SYSTEM_PATH,
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "USER": self.user,
        }
        if self._user:
            whom = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        else:
            whom = {}
        return {
            "env": environment | self.environment,
            "cwd": self.folder,
            "start_new_session": True,
            **whom,
        }


def program(name: str) -> bool:
    """Whether a program is installed."""
    return shutil.which(name, path=SYSTEM_PATH) is not None


def version(name: str) -> str:
    """What a program says of its version, in its first line."""
    asked = subprocess.run(
        [name, "--version"], capture_output=True, text=True, check=True, env={"PATH": SYSTEM_PATH}
    )
    return asked.stdout.partition("\n")[0]


def _end(started: subprocess.Popen[bytes]) -> None:
    started.terminate()
    try:
        started.wait(15)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()
