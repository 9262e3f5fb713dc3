"""Journals of format 1, which 0.1 wrote: deeds have words and no kind, nodes words and no role.

Frozen: these are 0.1's words and nobody else's. No other place knows any.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ..model import DeedKind
from .events import DEED_BEGUN, DEED_ENDED, DEED_FAILED, SEEN

#: How the announcement of a deed begins, the narrower one first; two are not done any more.
_WORDS: dict[str, str] = {
    r"start the server": DeedKind.START,
    r"stop the server: a changed setting needs a restart": DeedKind.STOP_TO_RESTART,
    r"stop the server: ": DeedKind.STOP,
    r"stop the primary": DeedKind.STOP_PRIMARY,
    r"stopped the primary": DeedKind.STOP_PRIMARY,
    r"bring the shutdown to its end": DeedKind.END_SHUTDOWN,
    r"end every process of the data directory": DeedKind.END_PROCESSES,
    r"end walsenders": DeedKind.END_WALSENDERS,
    r"see its last process end": DeedKind.WAIT_FOR_END,
    r"promote$": DeedKind.PROMOTE,
    r"checkpoint: ": DeedKind.CHECKPOINT,
    r"write its standby definition": DeedKind.DEFINE_STANDBY,
    r"arm: ": DeedKind.ARM,
    r"disarm: ": DeedKind.DISARM,
    r"remove what asks for a promotion: ": DeedKind.REMOVE_TRIGGERS,
    r"see that it receives nothing from ": DeedKind.CUT_OFF,
    r"replay ": DeedKind.REPLAY,
    r"let it catch up with ": DeedKind.REPLAY,
    r"resume replay, ": DeedKind.RESUME_REPLAY,
    r"let its restore_command end": DeedKind.WAIT_FOR_ARCHIVE,
    r"find the end of its WAL": DeedKind.FIND_END,
    r"bring over ": DeedKind.COPY_WAL,
    r"send a marker to ": "send marker",
    r"let pg_waldump tell the record at ": DeedKind.TELL_RECORD,
    r"prove that its own WAL has ": DeedKind.PROVE_CHECKPOINT,
    r"prove that it has replayed past ": DeedKind.PROVE_REPLAY,
    r"prove that it can ": DeedKind.PROVE_CONNECTION,
    r"see that its role may write ": DeedKind.PROVE_CONNECTION,
    r"prove that \S+ has the same WAL ": DeedKind.PROVE_HISTORY,
    r"prove one history: ": DeedKind.PROVE_HISTORY,
    r"see that its configuration is its own": DeedKind.PROVE_CONFIGURATION,
    r"see that its control file shows its timeline": DeedKind.PROVE_TIMELINE,
    r"rehearse its start": DeedKind.REHEARSE_START,
    r"rehearsed? pg_rewind": DeedKind.REHEARSE_REWIND,
    r"fence it: ": DeedKind.FENCE,
    r"disable its service": DeedKind.DISABLE_SERVICE,
    r"change settings": DeedKind.SET,
    r"set \S+ to .* for now$": DeedKind.SET_FOR_NOW,
    r"set \S+ back to .*, as it was$": DeedKind.SET_BACK,
    r"set it aside, without its links ": DeedKind.RECOVER,
    r"recover it from its crash": DeedKind.RECOVER,
    r"create role ": DeedKind.CREATE_ROLE,
    r"let \S+ read files over SQL": DeedKind.GRANT,
    r"let the nodes replicate: ": DeedKind.EDIT_HBA,
    r"make slot ": DeedKind.MAKE_SLOT,
    r"drop slot ": DeedKind.DROP_SLOT,
    r"drain: ": DeedKind.DRAIN,
    r"end the session of ": DeedKind.END_SESSION,
    r"look for sessions of clients that are left behind": DeedKind.END_SESSION,
    r"save control file, ": DeedKind.SAVE,
    r"rewind it from ": DeedKind.REWIND,
    r"move the copy into ": DeedKind.MOVE_IN,
    r"move the WAL and the control file of ": DeedKind.MOVE_ASIDE,
    r"move .* back$": DeedKind.MOVE_BACK,
    r"put away what a rewind has left half done": DeedKind.PUT_AWAY,
    r"copy \S+ into .* by rsync": DeedKind.RSYNC,
    r"copy \S+$": DeedKind.CLONE,
    r"begin a base backup ": DeedKind.BEGIN_BACKUP,
    r"end the base backup": DeedKind.END_BACKUP,
    r"make the copy in .* usable": DeedKind.COMPLETE_COPY,
    r"remove what copies that died have left": DeedKind.REMOVE_HALVES,
    r"remove /": "remove kept",
    r"keep what was never archived: ": DeedKind.KEEP_UNARCHIVED,
    r"keep what only it has in the record": DeedKind.KEEP_DIVERGED,
    r"prepare to move its clients": DeedKind.PREPARE_CLIENTS,
    r"pause$": DeedKind.PAUSE_CLIENTS,
    r"point its clients at ": DeedKind.POINT_CLIENTS,
    r"redirect its clients to ": DeedKind.REDIRECT_CLIENTS,
    r"let its clients go on with ": DeedKind.TAKE_CLIENTS_BACK,
    r"lead its readers to ": DeedKind.LEAD_READERS,
    r"write a row through its own dsn": DeedKind.WRITE_ROW,
    r"make table ": DeedKind.MAKE_TABLE,
    r"delete this run's rows from ": DeedKind.DELETE_ROWS,
}


def as_format_2(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a journal, with the kinds and the roles that 0.1 did not tell.

    What a deed says at its end is told anew, so its kind is that of its announcement: the last one
    of its node that has not ended yet. Words that are not 0.1's make no kind: it is empty.
    """
    begun: dict[str, list[str]] = defaultdict(list)
    found = []
    for event in events:
        name, node = event["event"], str(event.get("node"))
        if name == SEEN:
            found.append({**event, "nodes": _with_roles(event.get("nodes"))})
            continue
        if name not in (DEED_BEGUN, DEED_ENDED, DEED_FAILED) or "kind" in event:
            found.append(event)
            continue
        if name == DEED_BEGUN:
            kind = _kind(event)
            begun[node].append(kind)
        else:
            kind = begun[node].pop() if begun[node] else _kind(event)
        found.append({**event, "kind": kind})
    return found


def _with_roles(nodes: Any) -> Any:
    """What was seen of each node; somebody may have edited it."""
    if not isinstance(nodes, dict) or not all(isinstance(each, dict) for each in nodes.values()):
        return nodes
    return {name: {"role": _role(str(told.get("words"))), **told} for name, told in nodes.items()}


def _role(words: str) -> str:
    """The first words of a sighting.

    >>> (_role("primary on timeline 1, at 0/351F6E8"), _role("did not answer: no route"),
    ... _role("stopped, shut down"))
    ('primary', 'did not answer', 'stopped')
    """
    return re.split(r" on timeline|[,:;]", words, maxsplit=1)[0].strip()


def _kind(event: dict[str, Any]) -> str:
    did = str(event.get("did"))
    for pattern, kind in _WORDS.items():
        if re.match(pattern, did):
            return kind
    return ""
