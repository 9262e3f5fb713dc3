"""A small ssh server for one node of a lab: `python -m tests.embedded.sshd --help`.

Public keys only, one user, commands and shells without a terminal, no forwarding, no file transfer.
It listens, drops root's rights for good, prints its pid and goes into the background; from then on
it writes only to the file that its standard error was opened on. It ends when the home of its lab
disappears.
"""

import argparse
import asyncio
import functools
import logging
import os
import pwd
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh

from .binaries import server_environment
from .ssh_session import Session
from .state import HOST

_BACKLOG = 100
_HOME_CHECK_SECONDS = 1.0


class Server(asyncssh.SSHServer):  # type: ignore[misc]
    """One connection: lets in only the lab's user with the operator's key, and starts sessions."""

    def __init__(self, user: str, keys: Any, new_session: Callable[[], Session]) -> None:
        self._user = user
        self._keys = keys
        self._new_session = new_session
        self._connection: Any = None

    def connection_made(self, conn: Any) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        if username == self._user:
            self._connection.set_authorized_keys(self._keys)
        return True

    def session_requested(self) -> Session:
        return self._new_session()


def main() -> None:
    """Read the arguments, listen, go into the background and serve."""
    arguments = _parse()
    host_key = asyncssh.read_private_key(arguments.host_key)
    keys = asyncssh.read_authorized_keys(str(arguments.authorized_key))
    listener = _listen(arguments.address, arguments.port)
    if os.geteuid() == 0:
        _drop_rights(arguments.user)
    _go_into_background()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    environment = server_environment(arguments.home, arguments.directory, arguments.user)
    new_session = functools.partial(Session, arguments.directory, environment)
    new_server = functools.partial(Server, arguments.user, keys, new_session)
    asyncio.run(_serve(listener, host_key, new_server, arguments.directory))


async def _serve(
    listener: socket.socket, host_key: Any, new_server: Callable[[], Server], directory: Path
) -> None:
    await asyncssh.listen(
        sock=listener,
        server_factory=new_server,
        server_host_keys=[host_key],
        encoding=None,
        gss_host=None,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        agent_forwarding=False,
        compression_algs=None,
    )
    while directory.is_dir():
        await asyncio.sleep(_HOME_CHECK_SECONDS)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default=HOST, help="where it listens (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--user", required=True, help="the only user let in, and who runs its commands"
    )
    parser.add_argument("--home", type=Path, required=True, help="home of the lab's servers")
    parser.add_argument(
        "--directory", type=Path, required=True, help="home and working directory of commands"
    )
    parser.add_argument("--host-key", type=Path, required=True)
    parser.add_argument(
        "--authorized-key", type=Path, required=True, help="public key of the operator"
    )
    return parser.parse_args()


def _listen(address: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(_BACKLOG)
    return listener


def _drop_rights(name: str) -> None:
    """Become this user for good. All modules are loaded by now: below /root they can no longer be
    read.
    """
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def _go_into_background() -> None:
    """Detach; the parent prints the pid and exits 0. The port listens by then, so a client need not
    wait.
    """
    pid = os.fork()
    if pid:
        print(pid)
        sys.stdout.flush()
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    main()
