"""An executable runbook for a pair of PostgreSQL servers: the words that its notebooks are written in.

Words are loaded when they are first used, so that `import pgha_helpers` costs nothing and a cron job that draws no
chart never waits for pandas.
"""

import sys
from importlib import import_module
from typing import Any

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    del sys.path[0]  # `python -m pgha_helpers` would take modules from wherever one stands

_HOME = {
    "begin": "records.begin",
    "conclude": "records.begin",
    "look": "facts",
    "until": "facts",
    "left_over": "facts.kept",
    "rows_at_stake": "facts.stakes",
    "judged": "consent",
    "require": "consent",
    "gate": "consent",
    "plan_setup": "procedures",
    "plan_promotion": "procedures",
    "plan_rebuild": "procedures",
    "set_up": "procedures",
    "hand_over": "procedures",
    "follow": "procedures",
    "rebuild": "procedures",
    "measure": "probe.canary",
    "sample": "lag",
    "chart": "chart",
    "readiness": "checks",
    "parity": "checks",
    "read_traffic": "checks",
    "AFTER": "checks",
    "BEFORE": "checks",
    "HEALTHY": "checks",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"pgha_helpers has no word {name!r}; it has {', '.join(__all__)}")
    if "" in sys.path and "ipykernel" in sys.modules:
        sys.path.remove("")  # a kernel that others have started: what lies beside a notebook is none of its words
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found
