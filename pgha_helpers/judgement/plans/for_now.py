"""Settings that are changed for a while: a promotion must not let commits wait for the standby that
was lost, nor for an archive that has nothing more.
"""

from __future__ import annotations

import re

from ...model import ForNow, Running, Snapshot, dialect
from ...model.errors import NotSafe
from .consent import Extra, ExtraKind

SYNCHRONOUS = "synchronous_standby_names"
ASYNCHRONOUS = Extra(ExtraKind.ASYNCHRONOUS)
RESTORE = "restore_command"


def satisfied(names: str, *standbys: str) -> bool:
    """Whether standbys of these names, and no others, are all that these synchronous_standby_names
    wait for.

    >>> [satisfied(names, "db0")
    ... for names in ("", "*", "db0", "FIRST 1 (db1, DB0)", "any 1 (*)", '1 ("db0")')]
    [True, True, True, True, True, True]
    >>> [satisfied(names, "db0")
    ... for names in ("db1", "FIRST 2 (db0, db1)", "ANY 2 (*)", "2 (db0, x)")]
    [False, False, False, False]
    >>> (satisfied("*"), satisfied("FIRST 2 (db0, db2)", "db0", "db2"),
    ... satisfied("2 (db0, db2)", "db0", "db3"))
    (False, True, False)
    """
    match = re.fullmatch(
        r"\s*(?:(?:first|any)\s+)?(\d+)\s*\((.*)\)\s*", names, re.IGNORECASE | re.DOTALL
    )
    count, listed = (int(match[1]), match[2]) if match else (1, names)
    words = re.findall(r'"((?:[^"]|"")*)"|([^\s,"]+)', listed)
    wanted = {(quoted.replace('""', '"') or plain).lower() for quoted, plain in words}
    there = [name for name in standbys if "*" in wanted or name.lower() in wanted]
    return not names.strip() or len(there) >= count


def would_wait(primary: Running, *also: str) -> str:
    """Its synchronous_standby_names, if its commits would wait as a primary; else nothing.

    What streams from it does so then, too, and what is named by `also`.
    """
    names = primary.settings.get(SYNCHRONOUS, "")
    streaming = (sender.application for sender in primary.senders if sender.state == "streaming")
    return "" if satisfied(names, *streaming, *also) else names


def asynchronous(target: Running) -> tuple[tuple[str, ...], tuple[Extra, ...], tuple[str, ...]]:
    """Steps, extras of the consent, and what is told, if `target` would wait for a standby that is
    missing.

    Raises NotSafe where that cannot be helped from here.
    """
    names, node = would_wait(target), target.node
    if not names:
        return (), (), ()
    if target.settings.get("allow_alter_system") == "off":
        raise NotSafe(
            f"{SYNCHRONOUS} is {names!r} on {node}: no commit would return there without its "
            "standby; and allow_alter_system is off, so that it cannot be set from here",
            f"set {SYNCHRONOUS} = '' in the configuration file of {node} and reload it there, "
            "then run this again",
        )
    step = (
        f"Set {SYNCHRONOUS} to '' on {node} for now, and note there that it was {names!r}: "
        "rebuild sets it back"
    )
    told = (
        f"{SYNCHRONOUS} is {names!r} on {node}: no commit would return there without its standby. "
        f"UNTIL ONE STREAMS AGAIN, {node} ACKNOWLEDGES WHAT NOBODY ELSE HAS"
    )
    return (step,), (ASYNCHRONOUS,), (told,)


def without_archive(*nodes: Running) -> tuple[str, ...]:
    """The nodes whose restore_command a change sets aside: it would be asked for each file that is
    not there.
    """
    return tuple(
        seen.node
        for seen in nodes
        if seen.settings.get(RESTORE)
        and seen.settings.get("allow_alter_system") != "off"
        and dialect.has("reload_restore_command", seen.major)
    )


def why_not_back(it: ForNow, now: Snapshot, rebuilt: str = "") -> str:
    """Why a setting cannot be set back yet, or nothing. `rebuilt` names a node that will stream by
    then.
    """
    seen = now[it.node]
    if not isinstance(seen, Running):
        return f"{it.node} does not answer"
    streaming = [sender.application for sender in seen.senders if sender.state == "streaming"]
    if (
        it.setting == SYNCHRONOUS
        and seen.writable
        and not satisfied(it.was, *filter(None, {*streaming, rebuilt}))
    ):
        there = f"only {' and '.join(streaming)} streams" if streaming else "nobody streams"
        return f"commits would wait, because {there} from {it.node}"
    return ""
