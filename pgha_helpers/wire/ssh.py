"""The one door to paramiko: a checked host key, and channels on one connection."""

from __future__ import annotations

import getpass
import logging
import os
import re
import socket
import sys
import warnings
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model import Ssh
from ..model.errors import Unreachable
from ..model.here import here
from .known_hosts import KnownHosts, fingerprint
from .pipes import files_ready

if TYPE_CHECKING:
    from paramiko import PKey, SSHClient

# it would take half of paramiko's time, and is for `Match exec` of an ssh_config, unread here
_INVOKE = sys.modules.setdefault("invoke", None)  # type: ignore[arg-type]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # cryptography's deprecations of ciphers that are not used here
    import paramiko
if _INVOKE is None:
    del sys.modules["invoke"]

#: Its threads write tracebacks to stderr, where nobody has set up logging, of troubles that are
#: told in words below.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

SshClient = paramiko.SSHClient
#: What goes wrong with a connection.
TROUBLES = (paramiko.SSHException, OSError, EOFError)

_RSA = re.compile("rsa-sha2-.*")  # two ways in which one key signs
_NOTHING_SAID = ("No existing session", "Error reading SSH protocol banner")  # whichever is first
# seconds between keepalives: a machine that vanished is noticed although nothing is sent to it
KEEPALIVE = 10


class _Pinned(paramiko.MissingHostKeyPolicy):
    """Only a key that is pinned lets us in. paramiko knows none itself, and asks of each."""

    def __init__(self, ssh: Ssh, known: KnownHosts) -> None:
        self._ssh, self._known = ssh, known

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        ssh, told = self._ssh, key.asbytes()
        host, print_ = f"ssh: the host key of {ssh.host}:{ssh.port}", fingerprint(told)
        if why := self._known.revoked(told):
            raise _refused(
                f"{host}, {print_}, is revoked: {why}",
                "find out why; give the machine another host key",
            )
        if self._known.has(told):
            return
        if other := self._known.instead_of(told):
            raise _refused(
                f"{host} has CHANGED: it is {print_}, pinned is {other}",
                f"find out why. If the machine was reinstalled: ssh-keygen -R {_pinned_as(ssh)} -f "
                f"{ssh.known_hosts}, and pin it again",
            )
        raise _refused(
            f"{host} is not in {ssh.known_hosts} ({key.get_name()} "
            f"{print_}){self._known.passed_over}",
            "compare that fingerprint on the node itself "
            "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "
            f"then: ssh-keyscan -p {ssh.port} {ssh.host} >> {ssh.known_hosts}",
        )


def _refused(what: str, remedy: str) -> Unreachable:
    """Of a server that answered; or of us, who never asked it."""
    return Unreachable(what, remedy, answer=what)


def connect(ssh: Ssh, timeout: float, turn: AbstractContextManager[Any]) -> paramiko.SSHClient:
    """Open a connection within `timeout` seconds. Raises Unreachable with the reason and what to do
    about it.

    `turn` is held while keys are exchanged, which is work for this machine, and not while nobody
    answers.
    """
    where = f"{ssh.user or 'the current user'}@{ssh.host}:{ssh.port}"
    client = paramiko.SSHClient()
    try:
        _authenticate(client, ssh, timeout, where, turn)
    except BaseException:
        # or its transport's thread, and its place among sshd's MaxStartups, would live on
        client.close()
        raise
    transport = client.get_transport()
    assert transport
    transport.set_keepalive(KEEPALIVE)
    return client


def _authenticate(
    client: paramiko.SSHClient,
    ssh: Ssh,
    timeout: float,
    where: str,
    turn: AbstractContextManager[Any],
) -> None:
    known, key = _known_hosts(ssh), _key_file(ssh)
    client.set_missing_host_key_policy(_Pinned(ssh, known))
    try:
        sock = _socket(ssh, timeout, where)
        with turn:
            client.connect(
                ssh.host,
                ssh.port,
                ssh.user or None,
                key_filename=key,
                allow_agent=not ssh.key,
                look_for_keys=not ssh.key,
                sock=sock,
                timeout=timeout,
                banner_timeout=timeout,
                auth_timeout=timeout,
                transport_factory=partial(_transport, known.types),
            )
    except Unreachable:
        raise
    except TROUBLES as error:
        raise _not_connected(client.get_transport(), ssh, where, error) from None
    except Exception as error:
        # of a key file or an agent that paramiko cannot read, or a name that is none
        raise _refused(
            f"ssh: {where} was not asked: {words_of_trouble(error)}",
            "correct ssh.host or ssh.key in the pair file",
        ) from error


def _key_file(ssh: Ssh) -> str | None:
    """The key that is to be used; None where the agent is to be asked. Raises Unreachable."""
    if not ssh.key:
        return None
    key = Path(here(ssh.key))
    if not key.is_file():
        raise _refused(f"ssh: there is no key file {key}", "correct ssh.key in the pair file")
    if not os.access(key, os.R_OK):
        raise _refused(f"ssh: key file {key} cannot be read", f"let {_me()} read it: chmod 600")
    return str(key)


def _not_connected(
    transport: paramiko.Transport | None, ssh: Ssh, where: str, error: Exception
) -> Unreachable:
    words = words_of_trouble(error)
    if isinstance(error, OSError) or not transport:
        return Unreachable(f"ssh: {where} does not answer: {words}", _to_be_answered(error))
    if transport.is_active() and transport.initial_kex_done:  # and its host key was right
        return _refused(*_not_let_in(ssh, Path(here(ssh.key)), error))
    return _no_server(where, "" if words in _NOTHING_SAID else f": {words}")


def _no_server(where: str, why: str = "") -> Unreachable:
    return Unreachable(
        f"ssh: {where} takes the connection, and does not answer as an ssh server{why}",
        "see whether sshd there is well, and listens on that port; else correct ssh.port in the "
        "pair file",
    )


def _not_let_in(ssh: Ssh, key: Path, error: Exception) -> tuple[str, str]:
    """What is wrong where the server has answered and refused us, and the remedy.

    paramiko's own words do not tell it: "Bad authentication type; allowed types: ['']".
    """
    user = ssh.user or _me()
    allowed = ", ".join(filter(None, getattr(error, "allowed_types", ())))
    if allowed and "publickey" not in allowed:
        words = f"user {user!r} may not log in by a key there, only by {allowed}"
        return f"ssh: {words}", f"let {user} log in by a key (PubkeyAuthentication of sshd)"
    if isinstance(error, paramiko.PasswordRequiredException):
        return (
            f"ssh: key {key} has a passphrase",
            "ssh-add it, and leave ssh.key empty in the pair file: then the ssh agent is asked",
        )
    shown = f"key {key}"
    if not ssh.key:
        shown = "any key of the ssh agent or of ~/.ssh"
    bad = f": {words_of_trouble(error)}"
    if isinstance(error, paramiko.AuthenticationException):
        bad = ""
    return (
        f"ssh: user {user!r} is not let in with {shown}{bad}",
        "correct ssh.user or ssh.key in the pair file, or add that key's .pub to "
        f"~/.ssh/authorized_keys of {user} there",
    )


def _me() -> str:
    """Who runs this."""
    return getpass.getuser()


def _to_be_answered(error: BaseException) -> str:
    """What to do where nobody answered as an ssh server does."""
    if isinstance(error, socket.gaierror):
        return "correct ssh.host in the pair file, or mend the name service"
    if isinstance(error, ConnectionRefusedError):
        return "start sshd there, or correct ssh.host and ssh.port in the pair file"
    return "see that its machine is up, and that network and firewall let us through"


def _known_hosts(ssh: Ssh) -> KnownHosts:
    try:
        return KnownHosts(Path(here(ssh.known_hosts)), ssh.host, ssh.port)
    except OSError as error:
        raise _refused(
            f"ssh: {ssh.known_hosts} cannot be read: {error.strerror}",
            "correct ssh.known_hosts in the pair file",
        ) from None


def _transport(types: set[str], sock: socket.socket, **options: Any) -> paramiko.Transport:
    """A connection that asks for a key of a type that is pinned, of which a host has several and
    shows one; and for a cipher that authenticates itself: paramiko compares a MAC byte by byte,
    which took a fifth of what a look costs here.
    """
    transport = paramiko.Transport(sock, **options)
    wanted = transport.get_security_options()
    bare = [name for name in wanted.ciphers if "gcm" in name]
    wanted.ciphers = [*bare, *(name for name in wanted.ciphers if name not in bare)]
    known = [name for name in wanted.key_types if _RSA.sub("ssh-rsa", name) in types]
    wanted.key_types = [*known, *(name for name in wanted.key_types if name not in known)]
    return transport


def _pinned_as(ssh: Ssh) -> str:
    """The host as known_hosts names it, quoted for a shell: ssh-keygen does not know the brackets
    with port 22.
    """
    if ssh.port == 22:
        return ssh.host
    return f"'[{ssh.host}]:{ssh.port}'"


def _socket(ssh: Ssh, timeout: float, where: str) -> socket.socket:
    """A connection whose other end has begun to speak, as an ssh server does first.

    It is without Nagle's delay, which costs 40 ms and more per command.
    """
    sock = socket.create_connection((ssh.host, ssh.port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not files_ready(timeout, [sock]):
        sock.close()
        raise _no_server(where)
    return sock


def words_of_trouble(error: BaseException) -> str:
    """What the system, or paramiko, says of it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rstrip(".") or type(error).__name__
