"""An executable runbook for a pair of PostgreSQL servers: the words that its notebooks say.

Words are loaded when they are first used, so that `import pgha_helpers` costs nothing and a cron
job that draws no chart never waits for pandas.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what jedi, mypy and JupyterLab's go-to-definition read
    from .changes.gate import gate, judged, require
    from .changes.hand_over import follow, hand_over, plan_promotion
    from .changes.rebuild import plan_rebuild, rebuild
    from .changes.setup import plan_setup, set_up
    from .clients.canary.verb import canary_client
    from .facts import look
    from .facts.charts import chart
    from .facts.lag import sample
    from .facts.leftovers import left_over
    from .facts.wal.split_brain import rows_at_stake
    from .judgement.checks import AFTER, HEALTHY, parity, read_traffic
    from .monitoring.ready import ready
    from .monitoring.trends import trends
    from .records.making.begin import begin, conclude

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    del sys.path[0]  # `python -m pgha_helpers` would take modules from wherever one stands

_HOME = {
    "AFTER": "judgement.checks",
    "HEALTHY": "judgement.checks",
    "begin": "records.making.begin",
    "canary_client": "clients.canary.verb",
    "chart": "facts.charts",
    "conclude": "records.making.begin",
    "follow": "changes.hand_over",
    "gate": "changes.gate",
    "hand_over": "changes.hand_over",
    "judged": "changes.gate",
    "left_over": "facts.leftovers",
    "look": "facts",
    "parity": "judgement.checks",
    "plan_promotion": "changes.hand_over",
    "plan_rebuild": "changes.rebuild",
    "plan_setup": "changes.setup",
    "read_traffic": "judgement.checks",
    "ready": "monitoring.ready",
    "rebuild": "changes.rebuild",
    "require": "changes.gate",
    "rows_at_stake": "facts.wal.split_brain",
    "sample": "facts.lag",
    "set_up": "changes.setup",
    "trends": "monitoring.trends",
}

__all__ = [
    "AFTER",
    "HEALTHY",
    "begin",
    "canary_client",
    "chart",
    "conclude",
    "follow",
    "gate",
    "hand_over",
    "judged",
    "left_over",
    "look",
    "parity",
    "plan_promotion",
    "plan_rebuild",
    "plan_setup",
    "read_traffic",
    "ready",
    "rebuild",
    "require",
    "rows_at_stake",
    "sample",
    "set_up",
    "trends",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"pgha_helpers has no word {name!r}; it has {', '.join(__all__)}")
    if "" in sys.path and "ipykernel" in sys.modules:
        sys.path.remove("")  # others' kernel: what lies beside a notebook is none of its words
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found
