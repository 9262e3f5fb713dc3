"""Status for programs: JSON of a documented form, and the line that Nagios and its kin read.

`docs/status.md` describes both. Whoever renames a key of the JSON, or gives it another meaning,
counts STATUS_FORMAT up; a key that is added leaves it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ..judgement.checks import HEALTHY
from ..model import Verdict
from ..run.redaction import Redactor
from .status import LEVELS, PairStatus, count_of, worst_of

STATUS_FORMAT = 1
_MOST = (
    1000  # characters of a line's text: some programs cut a line at 4096 bytes, its figures last
)


def as_json(told: Sequence[PairStatus]) -> dict[str, Any]:
    """All that is known of these pairs, as JSON takes it."""
    level = worst_of(told)
    pairs = [_pair(one) for one in told]
    return {"format": STATUS_FORMAT, "level": level, "exit_code": LEVELS[level], "pairs": pairs}


def _pair(one: PairStatus) -> dict[str, Any]:
    named = zip(HEALTHY, one.verdicts, strict=False)
    return {
        "pair": one.pair,
        "level": one.level,
        "taken": one.taken,
        "seconds": one.seconds,
        "trouble": one.trouble,
        "nodes": [asdict(node) for node in one.nodes],
        "reasons": [
            {
                "level": reason.level,
                "title": reason.title,
                "what": reason.what,
                "remedy": reason.remedy,
            }
            for reason in one.verdicts.reasons
        ],
        **(one.ready.told if one.ready else {"switchover": None, "failover": None}),
        "trend": one.trend,
        "checks": [{"check": check.name, **_verdict(verdict)} for check, verdict in named],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    told = asdict(verdict)
    told["causes"] = [{**cause, "nodes": list(cause["nodes"])} for cause in told["causes"]]
    return told


def json_text(told: Sequence[PairStatus], scrub: Redactor) -> str:
    """The same as text, without secrets."""
    return json.dumps(scrub.whole(as_json(told)), indent=2, ensure_ascii=False)


def nagios_line(told: Sequence[PairStatus]) -> str:
    """One line by the rules of the monitoring plugins: the level, what a person must know, and
    behind a bar the figures.
    """
    level = worst_of(told)
    text = " ".join(_text(told).replace("|", "/").split())
    if len(text) > _MOST:
        text = f"{text[:_MOST]} …"
    figures = [figure for one in told for figure in _figures(one, several=len(told) > 1)]
    return f"PGHA {level.upper()}: {text} | {' '.join(figures)}".rstrip(" |")


def _text(told: Sequence[PairStatus]) -> str:
    if len(told) == 1:
        return _about(told[0])
    bad = [_about(one) for one in told if one.level != "ok"]
    return " ".join([f"{count_of(told)}.", *bad])


def _about(one: PairStatus) -> str:
    ready = ""
    if one.ready:
        ready = f" Ready: switchover {one.ready.switchover.answer}"
        ready += f", failover {one.ready.failover.answer}."
    return f"{one.pair}: {one.first}{ready}"


def _figures(one: PairStatus, several: bool) -> Iterator[str]:
    """What a graph is drawn of: 'label'=value unit;warning;critical;least. Each of them is known:
    what nobody knows is left out.
    """
    if one.now is None or one.ready is None:
        return
    limits, loss = one.now.pair.limits, one.ready.failover.loss
    outage, takes = one.ready.switchover.outage, one.ready.failover.takes
    behind = [node for node in one.nodes if node.lag_bytes is not None]
    found: list[tuple[str, float | None, str, str]] = [
        ("not_ok", len(one.verdicts.against), "", f";;0;{len(one.verdicts)}"),
        *(("lag_bytes", node.lag_bytes, "B", f";{limits.lag};0") for node in behind),
        *(("lag_seconds", node.lag_seconds, "s", f";{limits.lag_time:g};0") for node in behind),
        *(("slot_bytes", node.slot_keeps, "B", f"{limits.slot_wal};;0") for node in behind),
        ("loss_bytes", loss.bytes, "B", ";;0"),
        ("outage_seconds", outage.median if outage else None, "s", ";;0"),
        ("failover_seconds", takes.median if takes else None, "s", ";;0"),
    ]
    for label, value, unit, bounds in found:
        if value is not None:
            name = f"{one.pair}::{label}" if several else label
            yield f"'{_label(name)}'={value:.10g}{unit};{bounds}"


def _label(name: str) -> str:
    """Without what would end a label: a pair's file may be called anything."""
    return "".join("_" if char in "='|" or char.isspace() else char for char in name)
