"""How a session with a server begins: by libpq, with a deadline, in the server's own encoding, and
without what an older server does not know.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2 import extensions

from ..model import libpq, passfile
from ..model.errors import Unreachable
from ..model.foreign import one_line, shown
from . import trips
from .pipes import files_ready

_SEVERITY = re.compile(r"(?:^|failed: )[^\s:]+:  (.*)", re.MULTILINE | re.DOTALL)
#: 9.0 knows on and off only, and does not begin a session that asks for it.
_LOCAL = "synchronous_commit=local"
#: Whatever is set for the server, a database or a role: else no role was made ("in a read-only
#: transaction"), and a standby answered nothing ("cannot use serializable mode in a hot standby").
#: Not among the options: those of before 9.5 have no blanks, and hide what is set.
OUR_TRANSACTIONS = (
    "set session characteristics as transaction isolation level read committed, read write"
)
# nobody knows what a byte means there: mostly this
extensions.encodings.update(SQL_ASCII="utf_8", SQLASCII="utf_8")


def connection_to(where: str, settings: dict[str, Any], within: float, first: str = "") -> Any:
    """An asynchronous connection of psycopg2 that is open, with libpq's `settings`; what this
    server turns out to want is kept in them, so that the next connection is the only one. `first`
    is a statement with which it begins.

    Raises Unreachable where a server does not answer for `within` seconds, with its own words where
    it does.
    """
    try:
        connection = _connected(where, settings, within, first)
    except Unreachable as refused:
        # its quotes are those of its language
        if _LOCAL.partition("=")[0] not in refused.answer:
            raise
        settings["options"] = settings["options"].replace(f"-c {_LOCAL}", "")
        connection = _connected(where, settings, within, first)
    own = connection.get_parameter_status("server_encoding")
    spoken = connection.get_parameter_status("client_encoding")
    if own in extensions.encodings and own != spoken:
        connection.close()
        settings["client_encoding"] = own
        connection = _connected(where, settings, within, first)
    for words in (extensions.BYTES, extensions.BYTESARRAY):
        # psycopg2's own reading ends at the first foreign byte
        extensions.register_type(words, connection)
    return connection


def wait_for(connection: Any, deadline: float) -> None:
    """Until the connection has done what it was asked for. Raises TimeoutError at `deadline`, by
    the monotonic clock.
    """
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        reads = [connection] if state == extensions.POLL_READ else []
        writes = [] if reads else [connection]
        if left <= 0 or not files_ready(left, reads, writes):
            raise TimeoutError


def _connected(where: str, settings: Mapping[str, Any], within: float, first: str) -> Any:
    began = trips.count("connection")
    try:
        return _begun(passfile.quiet(settings), within, first)
    except TimeoutError:
        words = f"{where} gave no answer within {within:g} s"
        raise _unreachable(settings, words) from None
    except psycopg2.Error as error:
        asked = _why(settings, error)
        answer = _fatal(error) or (libpq.NO_PASSWORD if asked else "")
        raise _unreachable(settings, one_line(error) + asked, answer) from None
    except ValueError as odd:  # psycopg2 takes them as UTF-8 only
        told = {key: str(value) for key, value in settings.items()}
        bad = [f"{key} '{it}' is no UTF-8" for key, it in told.items() if shown(it) != it]
        words = "; ".join(bad) or one_line(odd)
        raise Unreachable(f"SQL: {where}: {words}") from odd
    finally:
        trips.timed("connection", where, f"SQL, as {settings.get('user')}", began)


def _begun(settings: Mapping[str, Any], within: float, first: str) -> Any:
    connection = psycopg2.connect(**{**settings, "async_": True})
    deadline = time.monotonic() + within
    try:
        wait_for(connection, deadline)
        if first:
            cursor = connection.cursor()  # held: the connection itself does not
            cursor.execute(first)
            wait_for(connection, deadline)
    except BaseException:
        # or a server that wakes would wait for its password, with a snapshot, for a minute
        connection.close()
        raise
    return connection


def _unreachable(settings: Mapping[str, Any], heard: str, answer: str = "") -> Unreachable:
    file = passfile.passfile_place(settings.get("passfile", ""))
    remedy = libpq.remedy_for(heard, settings.get("user", ""), str(file))
    return Unreachable(f"SQL: {libpq.shorter(heard)}", remedy, answer)


def _why(settings: Mapping[str, Any], error: psycopg2.Error) -> str:
    """What libpq only prints: why it had no password to send."""
    if "no password supplied" not in str(error):
        return ""
    told = {"host": "localhost", "port": 5432, "dbname": settings.get("user", ""), **settings}
    wanted = (str(told.get(key, "")) for key in ("host", "port", "dbname", "user"))
    why = passfile.why_none(settings.get("passfile", ""), *wanted)
    return f": {why}" if why else ""


def _fatal(error: psycopg2.Error) -> str:
    """The words of a server that refused the connection, in its language; empty where none
    answered.

    libpq's own words have no severity with a colon and two blanks.
    """
    found = _SEVERITY.search(str(error))
    return " ".join(found[1].split()) if found else ""
