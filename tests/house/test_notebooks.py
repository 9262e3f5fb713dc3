"""The notebooks are clean, a cell is a sentence, and every parameter is known and explained."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

import pgha_helpers
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.parameters.notebooks import NOTEBOOKS

FOLDER = CHECKOUT / "notebooks"
Cell = dict[str, Any]


def cells(name: str) -> list[Cell]:
    found: list[Cell] = json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]
    return found


def source(cell: Cell) -> str:
    return "".join(cell["source"])


def code(name: str) -> list[Cell]:
    return [cell for cell in cells(name) if cell["cell_type"] == "code"]


def is_parameters(cell: Cell) -> bool:
    return "parameters" in cell["metadata"].get("tags", [])


def test_there_are_exactly_four() -> None:
    assert (
        {path.stem for path in FOLDER.glob("*.ipynb")}
        == set(NOTEBOOKS)
        == {"setup", "verify", "promote", "rebuild"}
    )


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_committed_without_outputs(name: str) -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code(name))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_cell_is_a_sentence(name: str) -> None:
    for cell in code(name):
        if is_parameters(cell):
            continue
        assert len(source(cell).splitlines()) <= 3, source(cell)
        kinds = {type(node) for node in ast.walk(ast.parse(source(cell)))}
        assert not kinds & {
            ast.If,
            ast.For,
            ast.While,
            ast.FunctionDef,
            ast.Lambda,
            ast.Try,
            ast.With,
        }, source(cell)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_words_are_ours(name: str) -> None:
    """Every function that a notebook calls is a word of the package."""
    for cell in code(name):
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id in pgha_helpers.__all__


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_parameters_are_those_of_the_model_each_with_a_comment(name: str) -> None:
    (cell,) = [cell for cell in code(name) if is_parameters(cell)]
    told = {node.targets[0].id: node.value.value for node in ast.parse(source(cell)).body}  # type: ignore[attr-defined]
    model = NOTEBOOKS[name]
    assert told == {key: field.default for key, field in model.model_fields.items()}
    first, *lines = source(cell).splitlines()
    assert first.startswith("# ") and "in a cell of its own below" in first
    assert all("  # " in line for line in lines)
    (begin,) = [source(cell) for cell in code(name) if "begin(" in source(cell)]
    assert all(f"{key}={key}" in begin for key in told), "begin must be given every parameter"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_prose_stands_before_every_section_and_says_what_is_good(name: str) -> None:
    prose = [source(cell) for cell in cells(name) if cell["cell_type"] == "markdown"]
    assert prose[0].startswith("# ")
    for word in ("**When.**", "**What it does.**", "**How long.**"):
        assert word in prose[0]
    sections = [text for text in prose if text.startswith("## ") and text[3].isdigit()]
    assert len(sections) >= 6
    assert all("**Expected" in text for text in sections if not text.startswith("## 6. Result"))
    assert sum("*If it stops here:*" in text for text in sections) >= (1 if name == "verify" else 3)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_cells_have_their_own_ids(name: str) -> None:
    ids = [cell["id"] for cell in cells(name)]
    assert len(ids) == len(set(ids))


def test_the_readme_lists_them(tmp_path: Path) -> None:
    readme = (CHECKOUT / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in NOTEBOOKS)
