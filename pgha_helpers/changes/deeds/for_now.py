"""Changing a setting for a while.

Noted on the node first, so that any later run can set it back as it was.
"""

from __future__ import annotations

import time

from ...facts import look
from ...facts.for_now import read_all_for_now, read_for_now
from ...facts.server_log import resolve
from ...judgement.plans.for_now import why_not_back
from ...model import DeedKind, ForNow, dialect
from ...model.errors import NotAchieved
from ...model.major import Major
from ...model.show import utc
from ...run.run import Run
from ...wire.doors import Door
from .files import write_file
from .servers import wait
from .standby import alter_settings, alter_system

_LOADED = 2.0  # seconds until a session sees what was reloaded

#: Where nobody may see the file that it comes from, it is taken for what ALTER SYSTEM has set.
_NOW = """
select current_setting(name) as value,
       coalesce(sourcefile like '%%/' || %s, true) as altered
  from pg_settings where name = %s
"""


def change_for_now(run: Run, name: str, setting: str, value: str) -> None:
    """Change a setting on a node by reload until `set_back`.

    An earlier run's note of what it was stays as it is. Raises NotAchieved where something
    overrules it.
    """
    door = run.doors[name]
    with run.deed(name, f"set {setting} to {value!r} for now", DeedKind.SET_FOR_NOW) as deed:
        file = door.sql.spelled("postgresql.auto.conf")
        now = door.sql.read(_NOW, [file, setting])[0]
        noted = any(it.setting == setting for it in read_for_now(door))
        if now["value"] == value:
            deed.already(f"{setting} was {value!r}")
            return
        if not noted:
            it = ForNow(
                name, setting, now["value"], value, now["altered"], run.id, utc(time.time())
            )
            write_file(door, _file(door, setting), it.line)
        _alter(door, setting, value)
        overruled = NotAchieved(
            f"{setting} stays what it is on {name}",
            f"look what overrules {file} there",
        )
        wait(lambda: _shown(door, setting) == value or None, _LOADED, lambda: overruled)
        deed.say(f"set {setting} to {value!r} for now; it was {now['value']!r}")


def set_back(run: Run, *names: str) -> None:
    """Set back whatever is changed for now on these nodes, or on both, and may be as it was.

    Say of the rest why not. What somebody has set to something else meanwhile is left as it is, and
    no longer noted.
    """
    found = [it for it in read_all_for_now(run) if not names or it.node in names]
    now = look(run, journal=False) if found else None
    for it in found:
        if now and (why_not := why_not_back(it, now)):
            print(f"  {it}. It stays so: {why_not}", flush=True)
            continue
        door = run.doors[it.node]
        words = f"set {it.setting} back to {it.was!r}, as it was"
        with run.deed(it.node, words, DeedKind.SET_BACK) as deed:
            if (shown := _shown(door, it.setting)) == it.value:
                _alter(door, it.setting, it.was if it.altered else None)
            elif shown == it.was:
                deed.already(f"{it.setting} was {it.was!r} again")
            else:
                deed.say(f"left {it.setting} as somebody has set it: {shown!r}")
            door.run("rm", "-f", "--", _file(door, it.setting))


def _alter(door: Door, setting: str, value: str | None) -> None:
    """Clients may be waiting: no more is looked at than is needed."""
    if dialect.has("alter_system", Major.of(door.sql.version)):
        alter_system(door, {setting: value})
    else:
        alter_settings(door, {setting: value})


def _shown(door: Door, setting: str) -> str:
    return str(door.sql.read("select current_setting(%s) as value", [setting])[0]["value"])


def _file(door: Door, setting: str) -> str:
    return f"{resolve(door, door.node.state_directory)}/for-now-{setting}"
