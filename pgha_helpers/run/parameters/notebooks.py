"""The parameters of each notebook, strict: an unknown name is refused, and `false` is a boolean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ...model import Pair
from ...model.errors import BadParameters
from .quantities import read_span
from .sentences import expected

_REMOVED_BY_HAND = (
    "the runbook removes no directory any more: run verify, which shows the line to type on that "
    "node, or why the directory stays; then leave this out"
)
#: Parameters of earlier versions, and what to do in place of each.
_GONE = {("rebuild", "remove_kept"): _REMOVED_BY_HAND}
#: What a consent of 0.1 said of a directory that was to go.
_REMOVAL = re.compile(r", *remove ")


class Common(BaseModel):
    """Parameters that all notebooks take."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pair: str = "lab"
    reason: str = ""
    ticket: str = ""
    operator: str = ""


class Setup(Common):
    """`primary` names the cluster to keep; `method` is how the other one is copied."""

    primary: str = ""
    method: Literal["", "basebackup", "rsync"] = ""
    confirm: str = ""


class Verify(Common):
    """`sample_seconds`: how long lag is watched at least; `light` leaves it and the chart out."""

    sample_seconds: float = Field(0.0, ge=0, le=3600)
    light: bool = False


class Promote(Common):
    """`occasion` says why; `fenced_by` who made sure that an unreachable primary is off, and how.

    `on_deadline` is what is done when the old primary does not stop in time.
    `drain` is how long a switchover waits for long transactions before it ends them; empty: they
    refuse it. `canary` has a client of our own write through it and tell the outage as it saw it.
    `salvage` says what a failover brings over from the lost primary's disk: all, or nothing is
    promoted; some, if damage is in the middle; none. `skip_delay` lets it skip
    recovery_min_apply_delay.
    """

    occasion: Literal["switchover", "failover"] = "switchover"
    fenced_by: str = ""
    on_deadline: Literal["abort", "wait", "cancel"] = "abort"
    drain: str = ""
    canary: bool = False
    salvage: Literal["all", "some", "none"] = "all"
    skip_delay: bool = False
    confirm: str = ""

    @field_validator("drain")
    @classmethod
    def _a_span(cls, told: str) -> str:
        if told:
            read_span(told)
        return told


class Rebuild(Common):
    """`node` is to be rebuilt, `method` insists on one way; `stop` only ends a split brain.

    `drop_slots` names slots that were left over, separated by commas, and each joins the consent.
    """

    node: str = ""
    method: Literal["", "follow", "rewind", "rsync", "clone", "stop"] = ""
    drop_slots: str = ""
    confirm: str = ""

    @field_validator("confirm")
    @classmethod
    def _removes_nothing(cls, told: str) -> str:
        if _REMOVAL.search(told):
            raise ValueError(_REMOVED_BY_HAND)
        return told


NOTEBOOKS: Mapping[str, type[Common]] = {
    "setup": Setup,
    "verify": Verify,
    "promote": Promote,
    "rebuild": Rebuild,
}


def read_parameters(notebook: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Validated parameters of a notebook, defaults filled in.

    Raises BadParameters with every complaint at once.
    """
    if notebook not in NOTEBOOKS:
        raise BadParameters(
            f"there is no notebook {notebook!r}", f"it may be {', '.join(NOTEBOOKS)}"
        )
    model = NOTEBOOKS[notebook]
    try:
        return model.model_validate(dict(given)).model_dump()
    except ValidationError as error:
        faults = error.errors()
        remedy = ""
        if any(fault["type"] == "extra_forbidden" for fault in faults):
            remedy = f"{notebook} takes {', '.join(model.model_fields)}"
        lines = [_sentence(notebook, fault) for fault in faults]
        raise BadParameters(f"{notebook}: " + "; ".join(lines), remedy) from None


def names_of_nodes(asked: Mapping[str, Any], pair: Pair) -> None:
    """Raises BadParameters for a parameter that names a node which the pair has not."""
    for key in ("node", "primary"):
        if asked.get(key) and asked[key] not in pair.names:
            raise BadParameters(f"{key} is {asked[key]!r}", f"it may be {' or '.join(pair.names)}")


def _sentence(notebook: str, fault: Any) -> str:
    key = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        if gone := _GONE.get((notebook, key)):
            return f"{key}={fault['input']!r}: {gone}"
        near = get_close_matches(key, NOTEBOOKS[notebook].model_fields, 1, 0.5)
        return f"unknown parameter {key!r}" + (f", did you mean {near[0]!r}?" if near else "")
    return f"{key}={fault['input']!r}: {expected(fault)}"
