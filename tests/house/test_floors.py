"""The house: imports go downwards only, the doors are where they should be, and importing costs
nothing.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pgha_helpers
from pgha_helpers.run.checkout import CHECKOUT

from .code import ROOT, modules, name_of, nodes_of, room_of

#: The rooms, from the ground up. Each imports only those below it, as its door plate says.
ROOMS = (
    "model",
    "wire",
    "judgement",
    "run",
    "facts",
    "clients",
    "changes",
    "records",
    "monitoring",
)
DOORS = {
    "paramiko": {"wire.ssh", "wire.doors"},
    "psycopg2": {"wire.connecting", "wire.sql"},
    "prometheus_client": {"monitoring.prometheus"},
    "rich": {"monitoring.watching"},
}
HEAVY = {"pandas", "matplotlib", "papermill", "paramiko", "psycopg2", "pydantic", "yaml", "IPython"}
HEAVY |= {"prometheus_client", "rich"}
DRAWERS = {
    "facts.lag",
    "facts.lag_chart",
    "facts.pictures",
    "clients.canary.chart",
    "facts.throughput_chart",
    "records.reading.export",
}


def imports_of(path: Path) -> Iterator[str]:
    """Absolute dotted names of everything that a module imports, wherever in it the import
    stands.
    """
    package = ["pgha_helpers", *path.relative_to(ROOT).parts[:-1]]
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            stem = ".".join(part for part in (base, node.module or "") if part)
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def rooms_of(path: Path) -> set[str]:
    """The rooms of our own that a module enters."""
    inside = (name.split(".") for name in imports_of(path) if name.startswith("pgha_helpers."))
    return {parts[1] for parts in inside if len(parts) > 1 and parts[1] in ROOMS}


def test_there_are_nine_rooms_and_nothing_beside_them() -> None:
    assert {room_of(path) for path in modules()} == {*ROOMS, "__main__"}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_downwards_only(path: Path) -> None:
    room = room_of(path)
    if room == "__main__":
        return
    above = {other for other in rooms_of(path) if ROOMS.index(other) > ROOMS.index(room)}
    assert not above, f"{name_of(path)} imports {above}, which stand above {room}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_plate_names_every_room_that_is_entered(room: str) -> None:
    plate = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text())) or ""
    may = plate.partition("ay import ")[2].partition(".")[0]
    entered = {other for path in modules() if room_of(path) == room for other in rooms_of(path)}
    entered.discard(room)
    if "every room" in may:
        assert "below" in may or room == ROOMS[-1]
    else:
        assert entered == {other for other in ROOMS if f"`{other}`" in may}


def test_the_page_of_the_house_tells_the_same_rooms() -> None:
    told = (CHECKOUT / "docs" / "house.md").read_text()
    rows = re.findall(r"^\| `(\w+)/` \|", told, re.MULTILINE)
    assert tuple(rows) == ROOMS


def test_no_two_modules_import_each_other() -> None:
    """Not even by a long way round, and not even lazily or for types alone."""
    names = {name_of(path): path for path in modules()}
    known = {name: {n for n in _within(path, names) if n != name} for name, path in names.items()}
    while leaves := {name for name, others in known.items() if not others & known.keys()}:
        known = {name: others for name, others in known.items() if name not in leaves}
    assert not known, f"a circle goes through {sorted(known)}"


def _within(path: Path, names: dict[str, Path]) -> Iterator[str]:
    """The modules of ours that this one imports."""
    for name in imports_of(path):
        inner = name.removeprefix("pgha_helpers.")
        yield inner if inner in names else inner.rpartition(".")[0]


def test_the_package_knows_nothing_of_the_embedded_pair() -> None:
    assert not [
        name_of(path) for path in modules() if any(n.startswith("tests") for n in imports_of(path))
    ]


@pytest.mark.parametrize("path", [p for p in modules() if room_of(p) == "model"], ids=name_of)
def test_the_model_imports_only_the_standard_library(path: Path) -> None:
    outside = {name.split(".")[0] for name in imports_of(path)} - {"pgha_helpers"}
    assert outside <= sys.stdlib_module_names | {"IPython"}, outside
    assert "IPython" not in outside or name_of(path) == "model.show", "show alone may ask for it"


@pytest.mark.parametrize("driver", DOORS)
def test_there_is_one_door_to_each_driver(driver: str) -> None:
    users = {name_of(p) for p in modules() if any(n.split(".")[0] == driver for n in imports_of(p))}
    assert users <= DOORS[driver]


def test_pandas_and_matplotlib_are_imported_only_where_something_is_drawn_or_exported() -> None:
    users = {
        name_of(p)
        for p in modules()
        if {n.split(".")[0] for n in imports_of(p)} & {"pandas", "matplotlib"}
    }
    assert users == DRAWERS


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, pgha_helpers; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}


def test_what_tests_share_has_a_module_of_its_own() -> None:
    """Of a file of tests, or by a name that begins with an underscore, nothing is imported."""
    hidden = []
    for path in sorted((CHECKOUT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom):
                continue
            stem = node.module or ""
            ours = node.level or stem.startswith("tests.")
            names = [*stem.split("."), *(alias.name for alias in node.names)] if ours else []
            if any(name.startswith(("test_", "_")) for name in names):
                hidden.append(f"{path.relative_to(CHECKOUT)}, line {node.lineno}")
    assert not hidden


def test_every_word_that_the_package_offers_is_there() -> None:
    for word in pgha_helpers.__all__:
        assert getattr(pgha_helpers, word) is not None
    with pytest.raises(AttributeError, match="has no word 'undo'"):
        _ = pgha_helpers.undo


def test_functions_fit_on_a_screen() -> None:
    long = []
    for path in modules():
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 40:
                long.append(
                    f"{name_of(path)}.{node.name}: {(node.end_lineno or 0) - node.lineno} lines"
                )
    assert not long


def test_modules_can_be_read_at_a_sitting() -> None:
    assert not [name_of(path) for path in modules() if len(path.read_text().splitlines()) > 300]


def calls_of(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Name and call of every method or function that a module calls."""
    for node in nodes_of(path):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def test_bytes_become_text_in_one_place() -> None:
    """What others say need be no UTF-8: `foreign.text_of` keeps what is not. Our own base64 and
    ASCII are ours.
    """
    strict = []
    for path in modules():
        for name, call in calls_of(path):
            own = any(isinstance(one, ast.Constant) and one.value == "ascii" for one in call.args)
            made_here = "b64encode" in ast.unparse(call.func)
            if name == "decode" and not (own or made_here) and name_of(path) != "model.foreign":
                strict.append(f"{name_of(path)}, line {call.lineno}")
    assert not strict


def test_a_text_file_is_read_and_written_in_an_encoding_that_is_named() -> None:
    """In a locale of Latin-1 Python's own choice would be another."""
    unnamed, elsewhere = (
        [],
        ("os.open", "console.open", "bouncer.console.open", "self.console.open"),
    )
    for path in modules():
        for name, call in calls_of(path):
            words = [
                ast.unparse(one) for one in (*call.args, *(key.value for key in call.keywords))
            ]
            given = "'utf-8'" in words or any("ascii" in word for word in words)
            in_bytes = any(word in ("'rb'", "'wb'", "'ab'") or "'ab' if" in word for word in words)
            if name in ("read_text", "write_text") and not given:
                unnamed.append(f"{name_of(path)}, line {call.lineno}")
            if name in ("open", "fdopen") and not (
                given or in_bytes or ast.unparse(call.func) in elsewhere
            ):
                unnamed.append(f"{name_of(path)}, line {call.lineno}")
    assert not unnamed
