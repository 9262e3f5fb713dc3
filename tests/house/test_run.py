"""A run holds what it says, in types, and each room writes into it only where it may."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from pgha_helpers.run.gate import Gate
from pgha_helpers.run.run import Run
from pgha_helpers.run.seen import Seen

from .code import ROOT, modules, name_of, nodes_of, room_of

#: What a room above `run` may set on a run, beside what it says by a method.
MAY_WRITE = {"facts": {"seen"}, "clients": {"processes"}, "changes": {"seen", "gate", "link"}}


@pytest.mark.parametrize("kind", [Run, Gate, Seen])
def test_no_field_is_of_any_type_or_a_function_that_is_hung_on(kind: type) -> None:
    loose = {
        field.name
        for field in fields(kind)
        if "Any" in str(field.type) or "Callable" in str(field.type)
    }
    assert not loose


def writes_of(path: Path) -> Iterator[tuple[str, int]]:
    """What a module sets on a run: the first name behind it, and the line."""
    for node in nodes_of(path):
        target = node
        names = []
        while isinstance(target, ast.Attribute | ast.Subscript):
            if isinstance(target, ast.Attribute):
                names.append(target.attr)
            target = target.value
        is_run = isinstance(target, ast.Name) and (target.id == "run" or names[-1:] == ["_run"])
        if names and is_run and isinstance(getattr(node, "ctx", None), ast.Store):
            told = [name for name in reversed(names) if name != "_run"]
            if told:
                yield told[0], node.lineno


@pytest.mark.parametrize("path", [p for p in modules() if room_of(p) != "run"], ids=name_of)
def test_a_run_is_written_into_only_where_it_may_be(path: Path) -> None:
    may = MAY_WRITE.get(room_of(path), set())
    assert not [(name, line) for name, line in writes_of(path) if name not in may]


def test_the_same_finds_what_facts_do_write() -> None:
    found = {name for name, _ in writes_of(ROOT / "facts" / "connection.py")}
    assert found == {"seen"}
