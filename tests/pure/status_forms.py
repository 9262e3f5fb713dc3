"""How others read what a status writes for them."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from pgha_helpers.monitoring.prometheus import METRICS

#: The plugins' rules: one line, a level in words, and figures behind a bar, each
#: 'label'=value[unit];[warn];[crit];[min];[max]. Several of them stand apart by spaces.
_NUMBER = r"-?[0-9.]+(?:e[+-]?[0-9]+)?"
_RANGE = rf"@?(?:~|{_NUMBER})?:?(?:{_NUMBER})?"
_FIGURE = rf"'[^=']+'={_NUMBER}(?:us|ms|s|%|[KMGT]?B|c)?(?:;(?:{_RANGE})?){{0,4}}"
LINE = re.compile(rf"PGHA (OK|WARNING|CRITICAL|UNKNOWN): [^|\n]+(?: \| {_FIGURE}(?: {_FIGURE})*)?")


def metrics(path: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by metric and labels, in the order of METRICS."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    labels = {f"pgha_{name}": names.split() for name, _, names in METRICS}
    for family in text_string_to_metric_families(path.read_text()):
        found[family.name] = {
            tuple(sample.labels[it] for it in labels[family.name]): sample.value
            for sample in family.samples
        }
    return found
