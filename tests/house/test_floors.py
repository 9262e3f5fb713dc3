"""The house: imports go downwards only, the doors are where they should be, and importing costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pgha_helpers

ROOT = Path(pgha_helpers.__file__).parent

#: The floors, from the ground up, as README tells them. A room is a module or a package of pgha_helpers.
FLOORS = (
    (
        *("errors", "show", "model", "conninfo", "passfile", "dialect", "checks", "plans"),
        *("redaction", "interrupts", "places", "front", "foreign", "courtesy"),
    ),
    ("parameters", "wire", "journal", "lock", "run", "window"),
    ("facts", "actions", "chain", "consent", "lag", "chart", "drawing", "probe"),
    ("procedures", "clients"),
    ("records", "engine", "archive"),
    ("__main__", "lab"),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
DOORS = {"paramiko": {"wire.ssh", "wire.doors"}, "psycopg2": {"wire.sql"}}
HEAVY = {"pandas", "matplotlib", "papermill", "paramiko", "psycopg2", "pydantic", "yaml", "IPython"}
DRAWERS = {"lag", "chart", "drawing", "probe.picture", "actions.progress"}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports_of(path: Path) -> Iterator[str]:
    """Absolute dotted names of everything that a module imports, wherever in it the import stands."""
    package = ["pgha_helpers", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            stem = ".".join(part for part in (base, node.module or "") if part)
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def rooms_of(path: Path) -> set[str]:
    """The rooms of our own that a module enters."""
    inside = (name.split(".") for name in imports_of(path) if name.startswith("pgha_helpers."))
    return {parts[1] for parts in inside if len(parts) > 1 and parts[1] in FLOOR_OF}


def test_every_room_stands_on_a_floor() -> None:
    rooms = {name_of(path).split(".")[0] for path in modules()}
    assert rooms == set(FLOOR_OF)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_downwards_only(path: Path) -> None:
    room = name_of(path).split(".")[0]
    above = {other for other in rooms_of(path) if FLOOR_OF[other] > FLOOR_OF[room]}
    assert not above, f"{name_of(path)} on floor {FLOOR_OF[room]} imports {above} above it"


def test_nothing_but_the_command_imports_the_lab() -> None:
    visitors = {name_of(path) for path in modules() if "lab" in rooms_of(path)}
    assert {name for name in visitors if not name.startswith("lab")} <= {"__main__"}


def test_facts_never_import_actions() -> None:
    assert not [
        name_of(path) for path in modules() if name_of(path).startswith("facts") and "actions" in rooms_of(path)
    ]


@pytest.mark.parametrize("path", [p for p in modules() if FLOOR_OF[name_of(p).split(".")[0]] == 0], ids=name_of)
def test_the_ground_floor_imports_only_the_standard_library(path: Path) -> None:
    outside = {name.split(".")[0] for name in imports_of(path)} - {"pgha_helpers"}
    assert outside <= sys.stdlib_module_names | {"IPython"}, outside
    assert "IPython" not in outside or name_of(path) == "show", "only show may ask whether it is in a notebook"


@pytest.mark.parametrize("driver", DOORS)
def test_there_is_one_door_to_each_driver(driver: str) -> None:
    users = {name_of(p) for p in modules() if any(n.split(".")[0] == driver for n in imports_of(p))}
    assert {name for name in users if not name.startswith("lab")} <= DOORS[driver]


def test_pandas_and_matplotlib_are_imported_only_where_something_is_drawn() -> None:
    users = {name_of(p) for p in modules() if {n.split(".")[0] for n in imports_of(p)} & {"pandas", "matplotlib"}}
    assert users == DRAWERS


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, pgha_helpers; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}


def test_every_word_that_the_package_offers_is_there() -> None:
    for word in pgha_helpers.__all__:
        assert getattr(pgha_helpers, word) is not None
    with pytest.raises(AttributeError, match="has no word 'undo'"):
        _ = pgha_helpers.undo


def test_functions_fit_on_a_screen() -> None:
    long = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 40:
                long.append(f"{name_of(path)}.{node.name}: {(node.end_lineno or 0) - node.lineno} lines")
    assert not long


def calls_of(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Name and call of every method or function that a module calls."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def test_bytes_become_text_in_one_place() -> None:
    """What others say need be no UTF-8: `foreign.text_of` keeps what is not. Our own base64 and ASCII are ours."""
    strict = []
    for path in modules():
        for name, call in calls_of(path):
            own = any(isinstance(one, ast.Constant) and one.value == "ascii" for one in call.args)
            made_here = "b64encode" in ast.unparse(call.func)
            if name == "decode" and not (own or made_here) and name_of(path).split(".")[0] not in ("foreign", "lab"):
                strict.append(f"{name_of(path)}, line {call.lineno}")
    assert not strict


def test_a_text_file_is_read_and_written_in_an_encoding_that_is_named() -> None:
    """In a locale of Latin-1 Python's own choice would be another."""
    unnamed, elsewhere = [], ("os.open", "console.open", "bouncer.console.open", "self.console.open")
    for path in modules():
        for name, call in calls_of(path):
            words = [ast.unparse(one) for one in (*call.args, *(key.value for key in call.keywords))]
            given = "'utf-8'" in words or any("ascii" in word for word in words)
            in_bytes = any(word in ("'rb'", "'wb'", "'ab'") or "'ab' if" in word for word in words)
            if name in ("read_text", "write_text") and not given:
                unnamed.append(f"{name_of(path)}, line {call.lineno}")
            if name in ("open", "fdopen") and not (given or in_bytes or ast.unparse(call.func) in elsewhere):
                unnamed.append(f"{name_of(path)}, line {call.lineno}")
    assert not unnamed
