"""How this machine reaches the shell of another one."""

from __future__ import annotations

from dataclasses import dataclass

from .units import CLOSED


@dataclass(frozen=True)
class Ssh:
    """Address, user and key of an ssh server. Keys and agent only: a password is not a key of the
    pair file.
    """

    __pydantic_config__ = CLOSED
    host: str
    port: int = 22
    user: str = ""
    key: str = ""
    known_hosts: str = "~/.ssh/known_hosts"
