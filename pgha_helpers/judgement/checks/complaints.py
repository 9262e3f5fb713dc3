"""What a standby's server log complains of after its start, and what to do about it. Pure: a text
goes in.

Only sentences of PostgreSQL's English are known; with another `lc_messages` the log's last lines
are all there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...model.foreign import lines_of

#: Up to the severity a line is the operator's log_line_prefix, which may be anything.
_SEVERITY = re.compile(r"\b(LOG|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|CONTEXT|STATEMENT):  ")
# lines of clients, and lines that only go with one
_OTHERS = ("ERROR", "DETAIL", "HINT", "CONTEXT", "STATEMENT")
_LONGEST = 300  # characters of a line that are told


@dataclass(frozen=True)
class Complaint:
    """One sentence of the log with its DETAIL, and the remedy. A `final` one does not heal by
    waiting.

    `opens` says that the server becomes a primary.
    """

    words: str
    remedy: str
    final: bool
    opens: bool = False

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class KnownComplaint:
    """A sentence, and what to do. One that is not `final` may heal by itself."""

    sentence: re.Pattern[str]
    remedy: str
    final: bool = True


_CLONE = "run rebuild for {node} with method=clone: the old directory is kept aside"
_CONNECT = "mend it, then run this notebook again: {primary} must let {node} in"
_FILES = (
    "give the file back to the owner of {node}'s server, with its rights, then run this "
    "notebook again"
)


def _known(sentence: str, remedy: str, final: bool = True) -> KnownComplaint:
    return KnownComplaint(re.compile(sentence), remedy, final)


#: The most telling first: what is told of a log begins with what stands highest here. The very
#: first tells of a server that opens for writes.
KNOWN_COMPLAINTS = (
    _known(
        r"selected new timeline ID",
        "{node} HAS OPENED FOR WRITES by itself: stop it at once, then find the recovery target "
        "or trigger file that promoted it; run verify, then rebuild",
    ),
    # The histories do not fit.
    _known(r"requested timeline \d+ is not a child of this server's history", _CLONE),
    _known(r"requested timeline \d+ does not contain minimum recovery point", _CLONE),
    _known(
        r"new timeline \d+ forked off current database system timeline \d+ before current "
        r"recovery point",
        _CLONE,
    ),
    _known(r"requested starting point \S+ on timeline \d+ is not in this server's history", _CLONE),
    _known(r"requested starting point \S+ is ahead of the WAL flush position", _CLONE),
    _known(r"highest timeline \d+ of the primary is behind recovery timeline \d+", _CLONE),
    _known(
        r"database system identifier differs between",
        "they were never a pair: run setup, or mend the pair file",
    ),
    # Its WAL or its data is not there, or is not right.
    _known(r"could not locate (?:a valid|required) checkpoint record", _CLONE),
    _known(r"could not find redo location (?:\S+ )?referenced by checkpoint record", _CLONE),
    _known(r"invalid (?:\S+ in )?(?:primary )?checkpoint record", _CLONE),
    _known(r"WAL ends before (?:consistent recovery point|end of online backup)", _CLONE),
    _known(r"online backup was cancell?ed, recovery cannot continue", _CLONE),
    _known(r"backup_label.* contains data inconsistent with control file", _CLONE),
    _known(r"WAL contains references to invalid pages", _CLONE),
    _known(r"requested WAL segment \S+ has already been removed", _CLONE),
    _known(r"(?:can no longer (?:get changes from|access) replication slot)", _CLONE),
    # These may only mark the end of the WAL that is there, or be the sign of two histories under
    # one number.
    _known(r"incorrect prev-link|incorrect resource manager data checksum", _CLONE, final=False),
    _known(
        r"there is no contrecord flag|unexpected timeline ID|out-of-sequence timeline ID",
        _CLONE,
        final=False,
    ),
    # Settings.
    _known(
        r"recovery aborted because of insufficient parameter settings|hot standby is not "
        r"possible because",
        "raise what the detail names in {node}'s configuration to {primary}'s value, then run "
        "this notebook again",
    ),
    _known(
        r"WAL was generated with \"?wal_level=minimal",
        "set wal_level to replica on {primary} and restart it, then run rebuild for {node} with "
        "method=clone",
    ),
    _known(
        r"recovery (?:ended before configured recovery target was reached|stopping)|requested "
        r"recovery stop point is "
        r"before consistent recovery point|multiple recovery targets specified",
        "take recovery_target* out of {node}'s configuration, then run this notebook again",
    ),
    _known(
        r"specified neither \"?primary_conninfo\"? nor \"?restore_command\"?",
        "run this notebook again: it writes primary_conninfo; then look which file of {node} "
        "overrides it",
    ),
    _known(
        r"replication slot \"[^\"]*\" does not exist",
        "run this notebook again: it makes the slot; if the name is not ours, look who has set "
        "primary_slot_name",
    ),
    _known(
        r"unrecognized configuration parameter|invalid value for parameter|configuration file .* "
        r"contains errors"
        r"|parameter \S+ requires a|cannot be changed without restarting the server",
        "mend {node}'s configuration, then run this notebook again",
    ),
    _known(
        r"could not (?:access|load) (?:file|library) \"",
        "install the library that the line names on {node}, or take it out of "
        "shared_preload_libraries",
    ),
    _known(
        r"database files are incompatible with server",
        "mend bin_directory of {node}: the versions differ",
    ),
    _known(
        r"could not bind .*: Address already in use|could not create any TCP/IP sockets",
        "the port in {node}'s own configuration is taken: mend that port if it is another "
        "server's, {primary}'s say; else stop who listens there; then run this notebook again",
    ),
    _known(
        r"lock file \"postmaster\.pid\" already exists",
        "run this notebook again: another start was under way",
    ),
    _known(r"data directory \S+ has (?:invalid permissions|wrong ownership)", _FILES),
    _known(
        r"could not (?:open|read|write|stat|create|fsync) (?:file|directory) .*: Permission denied",
        _FILES,
    ),
    _known(r"No space left on device", "make room on {node}, then run this notebook again"),
    # The way to the primary.
    _known(
        r"could not connect to the primary server: .*(?:password authentication failed|no "
        r"password supplied)",
        f"the passfile of PostgreSQL's user on {{node}} is not right; {_CONNECT}",
    ),
    _known(
        r"could not connect to the primary server: .*no pg_hba\.conf entry",
        f"add a line for replication to pg_hba.conf of {{primary}}, or run setup, which does; "
        f"{_CONNECT}",
    ),
    _known(
        r"number of requested standby connections exceeds|all replication slots are in use",
        "raise max_wal_senders on {primary}, or end a client of replication there",
        final=False,
    ),
    _known(
        r"replication slot \"[^\"]*\" is active for PID",
        "another standby or a copy uses {node}'s slot on {primary}: end it, then run this "
        "notebook again",
        final=False,
    ),
    _known(
        r"could not connect to the primary server",
        f"look at the network, host and port; {_CONNECT}",
        final=False,
    ),
    _known(
        r"could not receive data from WAL stream",
        "look at the log of {primary}: it ended the stream",
        final=False,
    ),
    _known(r"could not open (?:file|directory) ", f"is a file missing? else {_CLONE}", final=False),
)


def complaints(log: str, node: str, primary: str) -> tuple[Complaint, ...]:
    """The known sentences of a log, the most telling first, each once and as it stood there
    last.
    """
    lines = lines_of(log)
    found = []
    claimed = set[int]()
    for known in KNOWN_COMPLAINTS:
        at = [
            n
            for n, line in enumerate(lines)
            if n not in claimed and _speaks(line) and known.sentence.search(line)
        ]
        if not at:
            continue
        claimed.update(at)
        remedy = known.remedy.format(node=node, primary=primary)
        found.append(
            Complaint(_told(lines, at[-1]), remedy, known.final, known is KNOWN_COMPLAINTS[0])
        )
    return tuple(found)


def last_lines(log: str) -> str:
    """The last three lines of a log, on one: all that can be told where no sentence is known."""
    last = [line for line in lines_of(log)[-3:] if line.strip()]
    return "; ".join(map(_plain, last))


def _speaks(line: str) -> bool:
    """Whether it is the server's own word: what a client's statement was answered with says nothing
    of a start.
    """
    match = _SEVERITY.search(line)
    return match is None or match[1] not in _OTHERS


def _told(lines: list[str], at: int) -> str:
    details = _details(lines[at + 1 : at + 3])
    return "; ".join([_plain(lines[at]), *details])


def _details(following: list[str]) -> Iterator[str]:
    """The DETAIL of a line stands right below it."""
    for line in following:
        if "DETAIL:  " in line:
            yield line.partition("DETAIL:  ")[2]
            return


def _plain(line: str) -> str:
    """A line of a log without its prefix, and not longer than can be read."""
    match = _SEVERITY.search(line)
    if match:
        line = line[match.start() :]
    text = " ".join(line.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
