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
    """Turn `16MB` and `30s` into numbers wherever the model has Bytes or Seconds.

    Raises ValueError with the key.
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


#: How a key is written that has others below it, or several values.
_EXAMPLES: Mapping[str, str] = {
    "ssh": "ssh: {host: 10.0.0.10, user: postgres}",
    "peer_ssh": "peer_ssh: {host: 10.0.0.11, user: postgres}",
    "fence": "fence: {command: [/usr/local/bin/off, db0], check: [/usr/local/bin/is-off, db0]}",
    "limits": "limits: {lag: 16MB, lag_time: 10s}",
    "timeouts": "timeouts: {connect: 3s}",
    "witnesses": "witnesses: [{name: gate, ssh: {host: 10.0.0.9}}]",
    "service": "service: {start: [systemctl, start, postgresql], stop: [systemctl, stop, …]}",
    "start": "start: [systemctl, start, postgresql]",
    "stop": "stop: [systemctl, stop, postgresql]",
    "secret_variables": "secret_variables: [VAULT_TOKEN]",
    "command": "command: [/usr/local/bin/off, db0]",
    "check": "check: [/usr/local/bin/is-off, db0]",
}
#: What is said of a value that pydantic refuses, by the type of its complaint.
_EXPECTED: Mapping[str, str] = {
    "bool": "it may be true or false",
    "dataclass": "its keys are written below it",
    "float": "a number is expected, as in 5 or 0.5",
    "greater": "it may be at least {ge:g}",
    "int": "a whole number is expected, as in 5432",
    "less": "it may be at most {le:g}",
    "list": "a list is expected",
    "literal": "it may be {expected}",
    "string": "a text is expected; what looks like a number, a date, or yes and no needs quotes",
    "tuple": "a list is expected",
    "value": "{error}",
}


def expected(fault: Any) -> str:
    """What a value should have been, in our words; `fault` is one of pydantic's complaints.

    >>> expected({"type": "literal_error", "ctx": {"expected": "'a' or 'b'"}, "msg": "Input ..."})
    "it may be 'a' or 'b'"
    """
    words = _EXPECTED.get(fault["type"].partition("_")[0], fault["msg"])
    return str(words.format(**fault.get("ctx", {})))


def sentence(path: str, key: str, fault: Any, owner: Any) -> str:
    """A complaint of pydantic about a key of `owner`, as a sentence with the key and its value."""
    if fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{path}{_unknown(key, owner)}"
    if fault["type"] == "missing":
        return f"{path}: is missing"
    if fault["input"] is None:
        return f"{path}: is empty: {expected(fault)}"
    told, hint = f"{path}: {fault['input']!r} is wrong: {expected(fault)}", ""
    above = path.split(".")[-2] if key.isdecimal() else key
    if fault["type"].startswith(("dataclass", "tuple", "list")) and above in _EXAMPLES:
        hint = f", as in {_EXAMPLES[above]}"
    inner = dataclass_in(get_type_hints(owner).get(key))
    if inner and fault["type"].startswith("dataclass"):
        hint += f"; they are {', '.join(one.name for one in fields(inner))}"
    return told + hint


def _unknown(key: str, owner: Any) -> str:
    if key.lower() in _SECRETS:
        return (
            " is no key: secrets do not belong in a pair file, but in a passfile or the environment"
        )
    keys = [one.name for one in fields(owner)]
    if near := get_close_matches(key, keys, 1, 0.5):
        return f": unknown key; did you mean {near[0]!r}?"
    return f": unknown key; known: {', '.join(keys)}"
