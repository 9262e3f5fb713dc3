"""What libpq and a server say when nobody is let in, and what to do about each.

Of one whose language is not English only the words are told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: What is said of a server that asks for a password where libpq has none to give.
NO_PASSWORD = "it asks for a password, and there is none"
_FROM_FILE = re.compile(r' ?password retrieved from file "(?P<file>.*?)"')
_PAIR_FILE = "in the pair file"


@dataclass(frozen=True)
class Saying:
    """A sentence that is known, and its remedy, with names of a connection in braces."""

    sentence: re.Pattern[str]
    remedy: str
    misled: bool = False  # whatever the node does: the address leads to nobody who could answer


def _known(sentence: str, remedy: str, misled: bool = False) -> Saying:
    return Saying(re.compile(sentence, re.DOTALL | re.IGNORECASE), remedy, misled)


#: The first that fits is taken.
SAYINGS = (
    _known(r"is ignored, because others may read it", "chmod 600 {passfile}"),
    _known(
        r"passfile .* has no line for user",
        f"correct user: {_PAIR_FILE}, or add a line for that user to {{passfile}}",
    ),
    _known(
        r"passfile .* has no line",
        f"add one to {{passfile}}, or correct host, port or database {_PAIR_FILE}",
    ),
    _known(r"passfile .*: ", f"make that passfile, or correct passfile: {_PAIR_FILE}"),
    _known(
        r"password authentication failed.*retrieved from file",
        f"correct the password in {{passfile}}, or user: {_PAIR_FILE}",
    ),
    _known(
        r"password authentication failed",
        f"correct the password (PGPASSWORD, or passfile: {_PAIR_FILE}), or user: there",
    ),
    _known(r"no password supplied", f"give it one: passfile: {_PAIR_FILE}, chmod 600"),
    _known(r"role \".*\" does not exist", f"correct user: {_PAIR_FILE}"),
    _known(r"role \".*\" is not permitted to log in", 'alter role "{user}" login, there'),
    _known(r"database \".*\" does not exist", f"correct database: {_PAIR_FILE}"),
    _known(
        r"pg_hba\.conf (?:entry|rejects)|no encryption",
        "let {user} in from this machine: a line in pg_hba.conf there, then pg_reload_conf()",
    ),
    _known(
        r"(?:peer|ident) authentication failed",
        f"give host: an address {_PAIR_FILE}, or let {{user}} in by a password in pg_hba.conf",
    ),
    _known(
        r"too many (?:clients|connections)|connection slots are reserved",
        "end sessions there, or raise max_connections",
    ),
    _known(r"starting up|not yet accepting|recovery mode", "wait until it is up"),
    _known(r"shutting down", "wait until it is down, then start it"),
    _known(
        r"could not translate host name|Name or service not known",
        f"correct host: {_PAIR_FILE}, or mend the name service",
        misled=True,
    ),
    _known(
        r"invalid response|unexpected response|expected authentication request"
        r"|closed the connection unexpectedly",
        f"see whether PostgreSQL listens on that port; else correct port: {_PAIR_FILE}",
        misled=True,
    ),
    _known(r"Connection refused", f"start it, or correct host: and port: {_PAIR_FILE}"),
    _known(
        r"No route to host|unreachable|timed out|timeout expired|gave no answer",
        "see that its machine is up, and that network and firewall let us through",
    ),
    _known(r"certificate|SSL|TLS", "mend the TLS settings of the two: PGSSLMODE, PGSSLROOTCERT"),
)


def remedy_for(heard: str, user: str = "", passfile: str = "") -> str:
    """What to do about these words of libpq's or a server's; empty where they are not known.

    >>> remedy_for('FATAL:  database "pstgres" does not exist')
    'correct database: in the pair file'
    """
    told = _FROM_FILE.search(heard)
    file = told["file"] if told else passfile
    known = _saying(heard)
    return known.remedy.format(user=user, passfile=file) if known else ""


def misled(heard: str) -> bool:
    """Whether these words say that the address is wrong, and so nothing of the node itself."""
    known = _saying(heard)
    return known is not None and known.misled


def _saying(heard: str) -> Saying | None:
    return next((known for known in SAYINGS if known.sentence.search(heard)), None)


def shorter(heard: str) -> str:
    """The same words without the severity, and without the file that the remedy names.

    >>> shorter('FATAL: password authentication failed for user "ann"'
    ... ' password retrieved from file "/home/ann/.pgpass"')
    'password authentication failed for user "ann"'
    """
    bare = _FROM_FILE.sub("", heard).removeprefix("FATAL:").strip()
    return bare.removeprefix("fe_sendauth:").strip()
