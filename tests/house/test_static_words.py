"""The notebooks' words for whoever has not run a cell yet: editors, jedi and mypy find each one."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jedi
import pytest

import pgha_helpers
from pgha_helpers.run.checkout import CHECKOUT

NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
SOURCE = ast.parse(Path(pgha_helpers.__file__).read_text("utf-8"))
STAR = "from pgha_helpers import *"
_ENOUGH = 0.06  # seconds
_TRIES = 5


def text_of(notebook: Path) -> str:
    """All its code cells, as an editor would read them."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return "\n".join(code) + "\n"


def words_of(text: str) -> dict[str, tuple[int, int]]:
    """Each of our words that a text says, and where it says it first: its line and its column."""
    found: dict[str, tuple[int, int]] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and node.id in pgha_helpers.__all__:
            found.setdefault(node.id, (node.lineno, node.col_offset))
    return found


def static_homes() -> dict[str, str]:
    """The module of each word in the block that only static tools read."""
    (block,) = (
        node
        for node in SOURCE.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(block.body) and all(node.level == 1 for node in imports)
    return {name.name: str(node.module) for node in imports for name in node.names}


def test_every_word_has_one_home_and_all_lists_agree() -> None:
    assert static_homes() == pgha_helpers._HOME
    assert pgha_helpers.__all__ == sorted(pgha_helpers._HOME)


def test_the_list_of_words_is_written_out() -> None:
    """Static tools do not compute one."""
    (listed,) = (
        node.value
        for node in SOURCE.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert ast.literal_eval(listed) == pgha_helpers.__all__


def test_every_word_is_said_by_a_notebook() -> None:
    said = {word for notebook in NOTEBOOKS for word in words_of(text_of(notebook))}
    assert said == set(pgha_helpers.__all__)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_from_a_notebooks_text_jedi_finds_the_definition_of_every_word(notebook: Path) -> None:
    text = text_of(notebook)
    project = jedi.Project(CHECKOUT)
    script = jedi.Script(text, path=notebook.with_suffix(".py"), project=project)
    for word, (line, column) in words_of(text).items():
        (found,) = script.goto(line, column, follow_imports=True)
        there = found.module_path.read_text("utf-8").splitlines()[found.line - 1]
        assert re.match(rf"(def )?{word}\b", there), f"{word}: {there}"
        assert found.module_path != Path(pgha_helpers.__file__), word


def test_mypy_knows_the_type_of_every_word(tmp_path: Path) -> None:
    """With the settings and the cache of the house: the second time it takes a second."""
    words = "\n".join(f"reveal_type({word})" for word in pgha_helpers.__all__)
    (tmp_path / "words_of_notebooks.py").write_text(f"{STAR}\n{words}\n", "utf-8")
    command = [sys.executable, "-m", "mypy", "-m", "words_of_notebooks"]
    path = {**os.environ, "MYPYPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=CHECKOUT, env=path, capture_output=True, text=True)
    types = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert done.returncode == 0 and len(types) == len(pgha_helpers.__all__), done.stdout
    told = zip(pgha_helpers.__all__, types, strict=True)
    assert not [f"{word}: {kind}" for word, kind in told if kind.endswith("Any")]


def test_importing_the_package_takes_no_time() -> None:
    """Time of the processor, which does not tell how busy the machine is; the best of some."""
    code = (
        "import time; began = time.process_time(); import pgha_helpers; "
        "print(time.process_time() - began)"
    )
    took = []
    for _ in range(_TRIES):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        took.append(float(done.stdout))
        if took[-1] <= _ENOUGH:
            return
    raise AssertionError(f"{min(took):.3f} s at best")
