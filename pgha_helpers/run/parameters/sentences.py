"""What a pair file's values become, and what is said of those that are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, get_args, get_type_hints

from ...model.units import Bytes, Seconds
from .quantities import read_size, read_span

_UNITS: Mapping[object, Any] = {Bytes: read_size, Seconds: read_span}
_SECRETS = ("password", "passwd", "pgpassword", "secret")


def with_units(kind: Any, raw: Any, path: str) -> Any:
    """Turn `16MB` and `30s` into numbers wherever the model has Bytes or Seconds. Raises ValueError
    with the key.
    """
    if not (is_dataclass(kind) and isinstance(raw, dict)):
        return raw
    hints, out = get_type_hints(kind), dict(raw)
    for key in raw.keys() & hints.keys():
        hint, here = hints[key], f"{path}{key}"
        if hint in _UNITS:
            try:
                out[key] = _UNITS[hint](raw[key])
            except ValueError as error:
                raise ValueError(f"{here}: {error}") from None
        elif inner := dataclass_in(hint):
            out[key] = with_units(inner, raw[key], f"{here}.")
    return out


def dataclass_in(hint: Any) -> Any:
    """The dataclass among the types that a key may have, if there is one."""
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next((o for o in options if is_dataclass(o)), None)


def sentence(path: str, key: str, fault: Any, owner: Any) -> str:
    """A complaint of pydantic about a key of `owner`, as a sentence that names the key and its
    value.
    """
    if fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        if key.lower() in _SECRETS:
            return (
                f"{path} is no key: secrets do not belong in a pair file, but in a passfile "
                "or the environment"
            )
        near = get_close_matches(key, [f.name for f in fields(owner)], 1, 0.5)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else f"known: {', '.join(f.name for f in fields(owner))}"
        )
        return f"{path}: unknown key; {hint}"
    if fault["type"] == "missing":
        return f"{path}: is missing"
    return f"{path}: {fault['input']!r} is wrong: {fault['msg']}"
