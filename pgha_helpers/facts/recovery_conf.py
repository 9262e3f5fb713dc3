"""The grammar of postgresql.conf and recovery.conf, and what the latter says up to 11."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model.conninfo import conninfo, parts
from ..model.dialect import NEWEST, has
from ..model.major import Major

_LINE = re.compile(r"\s*([a-z_][\w.]*)\s*(?:=\s*)?('(?:[^'\\]|''|\\.)*'|[^\s#']+)", re.I)
_ESCAPED = re.compile(r"''|\\(.)")
_MS = {"": 1, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def settings_of(text: str) -> Iterator[tuple[str, str]]:
    r"""Name and value of each line, in their order; the names in small letters.

    >>> list(settings_of("# ours\nInclude 'it''s.conf'\nwork_mem=4MB # now\n\n"
    ... "ssl_key_file = 'a b'"))
    [('include', "it's.conf"), ('work_mem', '4MB'), ('ssl_key_file', 'a b')]
    """
    for line in text.split("\n"):
        if match := _LINE.match(line):
            yield match[1].lower(), _unquoted(match[2])


def parse_recovery_conf(text: str, major: Major = NEWEST) -> dict[str, str]:
    r"""Its settings as pg_settings shows them from 12 on: a delay in ms, no password.

    Without recovery_target_timeline a standby of these versions stays on its timeline, and does not
    follow a promotion.

    >>> parse_recovery_conf("# ours\ntrigger_file = '/tmp/it''s time' # now\n"
    ... "recovery_min_apply_delay 5min\n") # doctest: +NORMALIZE_WHITESPACE
    {'recovery_target_timeline': 'current', 'trigger_file': "/tmp/it's time",
    'recovery_min_apply_delay': '300000'}
    >>> parse_recovery_conf("primary_conninfo='host=db0 password=x'\n"
    ... "recovery_target_timeline = latest")
    {'recovery_target_timeline': 'latest', 'primary_conninfo': "host='db0'"}
    >>> parse_recovery_conf(r"trigger_file = '/a\ b'", Major.parse("9.0"))["trigger_file"]
    '/a\\ b'
    """
    if not has("recovery_escapes", major):
        text = text.replace("\\", "\\\\")
    found = {"recovery_target_timeline": "current"}
    found |= dict(settings_of(text))
    if "primary_conninfo" in found:
        found["primary_conninfo"] = conninfo(**parts(found["primary_conninfo"]))
    delay = found.pop("recovery_min_apply_delay", "")
    if match := re.fullmatch(r"([0-9]+) *([a-z]*)", delay):
        milliseconds = int(match[1]) * _MS.get(match[2], 1)
        found["recovery_min_apply_delay"] = str(milliseconds)
    return found


def _unquoted(value: str) -> str:
    if not value.startswith("'"):
        return value
    return _ESCAPED.sub(lambda escaped: escaped[1] or "'", value[1:-1])
