"""English is not an interface: nothing in the package decides by the wording of a sentence, and a
journal says nothing that is not declared.

A sentence is for people, and whoever polishes one must not break a record at night. What something
decides by is a kind: of a deed, of a step, of a part of a consent, of an event.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers.run.events import EVENTS

from .code import modules, name_of, nodes_of, tree_of

#: Names of sentences that are ours: attributes, variables, and keys of what a journal tells.
SENTENCES = {"did", "words", "why", "why_not", "title", "reason", "because", "obstacle", "what"}
SENTENCES |= {"obstacle_here", "remedy", "consent", "consented", "step", "steps", "extra", "extras"}
TESTS = {"startswith", "endswith", "find", "index", "count", "removeprefix", "removesuffix"}
TESTS |= {"match", "fullmatch", "search", "findall", "sub"}

#: Where that may be, and why: what others have written is read, or what somebody has typed; or a
#: sentence is shown shorter, and nothing depends on it.
ALLOWED = {
    ("clients.console", "resume"): "PgBouncer's own words",
    ("facts.sighting", "_heard"): "shown shorter",
    ("facts.sighting", "_without_shell"): "shown shorter",
    ("facts.starting", "_plain"): "what postgres says of its configuration",
    ("facts.survey", "ask"): "shown shorter",
    ("facts.wal.losses.records", "*"): "pg_waldump's lines",
    ("model.phases", "kind"): "titles of PostgreSQL's processes",
    ("model.phases", "words"): "titles of PostgreSQL's processes",
    ("records.reading.compare", "_timing"): "shown shorter",
    ("run.format_1", "_kind"): "0.1's words, frozen",
    ("run.parameters.pair_file", "_node_nonsense"): "what is typed in a pair file",
    ("changes.salvage", "_or_without"): "whether a parameter is named already",
}


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the innermost function or class around it."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = node.name if named else inside  # type: ignore[attr-defined]
        yield name, node
        yield from functions(node, name)


def called(node: ast.AST) -> str:
    """What a value is called: `deed.did`, `did`, `event["did"]`, `event.get("did")`, `str(did)`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Subscript):
        key = node.slice
        named = isinstance(key, ast.Constant) and isinstance(key.value, str)
        return str(key.value) if named else called(node.value)  # type: ignore[attr-defined]
    if isinstance(node, ast.Call):
        is_get = isinstance(node.func, ast.Attribute) and node.func.attr == "get"
        is_str = isinstance(node.func, ast.Name) and node.func.id == "str"
        if (is_get or is_str) and node.args:
            first = node.args[0]
            return str(first.value) if isinstance(first, ast.Constant) else called(first)
    return ""


def decides_by_words(node: ast.AST) -> str:
    """The sentence that a node decides by; empty where it decides by none."""
    asked: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in TESTS:
            asked = [node.func.value, *node.args]
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        if any(is_text(side) for side in sides):
            asked = sides
    return next((name for name in map(called, asked) if name in SENTENCES), "")


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != ""


def decisions(path: Path) -> Iterator[tuple[str, str, str]]:
    """Module, function, and what is decided there by which words."""
    for inside, node in functions(tree_of(path)):
        words = decides_by_words(node)
        if words:
            yield name_of(path), inside, f"{ast.unparse(node)}: by {words}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_nothing_decides_by_the_wording_of_a_sentence(path: Path) -> None:
    found = [
        (inside, what)
        for module, inside, what in decisions(path)
        if (module, inside) not in ALLOWED and (module, "*") not in ALLOWED
    ]
    assert not found, "give it a kind, or name it in ALLOWED if the words are others'"


def test_the_list_of_what_is_allowed_names_what_is_there() -> None:
    there = {
        (module, name)
        for path in modules()
        for module, inside, _ in decisions(path)
        for name in (inside, "*")
    }
    assert set(ALLOWED) <= there, "it is not needed any more"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('deed.did.startswith("stopped the primary")', "did"),
        ('str(event.get("did", "")).startswith("rehearsed ")', "did"),
        ('"mount point" in data.obstacle', "obstacle"),
        ('e["did"] == "promote"', "did"),
        ("_LEAVE.fullmatch(words)", "words"),
        ('event["kind"] == "promote"', ""),
        ('told["deeds"] == 3', ""),
    ],
)
def test_a_decision_by_words_is_seen(code: str, words: str) -> None:
    assert decides_by_words(ast.parse(code, mode="eval").body) == words


# Events


def written(path: Path) -> Iterator[ast.Call]:
    """Every call that writes an event, or asks a journal for one."""
    for node in nodes_of(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = called(node.func.value)
            if node.func.attr == "write" and of == "journal":
                yield node


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_an_event_is_named_by_its_constant_and_has_the_fields_that_are_declared(path: Path) -> None:
    constants = {name.upper().replace(" ", "_"): event for name, event in EVENTS.items()}
    for call in written(path):
        name = called(call.args[0])
        assert name in constants, f"line {call.lineno}: {ast.unparse(call.args[0])} is no event"
        fields = {keyword.arg for keyword in call.keywords if keyword.arg}
        undeclared = fields - constants[name].fields
        assert not undeclared, f"line {call.lineno}: {name} has no {undeclared}"


def events_named(node: ast.AST) -> list[ast.expr]:
    """What an event is compared with, or asked for by."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return sides if any(is_event(side) for side in sides) else []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.args if node.func.attr in ("first", "last") else []
    return []


def is_event(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and called(node) == "event"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_event_is_named_by_a_bare_string(path: Path) -> None:
    named = [each for node in nodes_of(path) for each in events_named(node)]
    bare = [text for each in named for text in ast.walk(each) if isinstance(text, ast.Constant)]
    texts = {text.value for text in bare if isinstance(text.value, str)}
    assert texts <= {"event"}, "name it by its constant in run/events.py"


def test_every_event_that_is_declared_is_written_somewhere() -> None:
    names = {called(call.args[0]) for path in modules() for call in written(path)}
    assert {name.upper().replace(" ", "_") for name in EVENTS} == names


def test_no_event_has_a_field_that_every_line_has() -> None:
    assert not any(event.fields & {"n", "at", "event", "prev"} for event in EVENTS.values())
