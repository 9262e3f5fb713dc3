"""As whom the servers of a lab run."""

import os
import pwd
from dataclasses import dataclass

from .errors import LabError

UNPRIVILEGED_USER = "nobody"


@dataclass(frozen=True)
class ServerUser:
    """The OS user that runs the servers. `switch` is true when it is not the user who runs this
    program.
    """

    name: str
    uid: int
    gid: int
    switch: bool


def server_user() -> ServerUser:
    """The OS user that runs the servers: whoever runs this, but `nobody` for root."""
    if os.geteuid() != 0:
        return ServerUser(user_name(os.geteuid()), os.geteuid(), os.getegid(), switch=False)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        message = (
            "PostgreSQL refuses to run as root, and there is no OS user "
            f"{UNPRIVILEGED_USER}: run as another user"
        )
        raise LabError(message) from None
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def user_name(uid: int) -> str:
    """The name of an OS user, or the number of one without a name (common in containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
