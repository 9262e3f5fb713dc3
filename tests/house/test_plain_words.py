"""Words for a DBA at night: what readers see is said in plain ones, and ours are explained."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers.run.checkout import CHECKOUT

from .code import modules, name_of, tree_of

#: What stopped a reader, and what is said instead.
INSTEAD = {
    r"\bdeeds?\b": "step",
    r"\bgood answer": "expected",
    r"\blast word\b": "result",
    r"\b(?:taken|takes? it(?:self)?) back\b": "aborted, undone",
    r"\bby way of\b": "how it was run",
    r"\bno copy that died": "nothing is left of",
    r"\bis it really\b": "result",
}
STOPS = re.compile("|".join(INSTEAD), re.IGNORECASE)
#: Names of events, which journals of all versions have, and what 0.1 has written.
NOT_SHOWN = {"run.events", "run.format_1"}
ARMED = re.compile(r"\b(?:dis)?arm(?:s|ed|ing)?\b", re.IGNORECASE)
EXPLAINED = re.compile(r"standby(?:'s)? definition", re.IGNORECASE)
PAGES = [*(CHECKOUT / "docs").glob("*.md"), CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md"]
_NEAR = 150  # characters behind the word
NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))


def stops(text: str) -> list[str]:
    return [
        f"{found[0]!r} in {text[found.start() - 30 : found.end() + 30]!r}"
        for found in STOPS.finditer(text)
    ]


def sentences(path: Path) -> Iterator[str]:
    """The texts of a module but docstrings and single words."""
    tree = tree_of(path)
    heads = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    for node in constants:
        if id(node) not in heads and isinstance(node.value, str) and " " in node.value:
            yield node.value


def cells(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]]


def prose(path: Path) -> str:
    """A page without what is code in it."""
    return re.sub(r"```.*?```|`[^`]*`", "", path.read_text("utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_what_the_package_says_has_plain_words(path: Path) -> None:
    if name_of(path) not in NOT_SHOWN:
        assert not [found for text in sentences(path) for found in stops(text)], INSTEAD


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_have_plain_words(path: Path) -> None:
    assert not stops("\n".join(cells(path))), INSTEAD


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_have_plain_words(path: Path) -> None:
    assert not stops(prose(path)), INSTEAD


def test_reports_scripts_and_pair_files_have_plain_words() -> None:
    package = CHECKOUT / "pgha_helpers"
    for path in package.rglob("*.j2"):
        assert not stops(re.sub(r"{%.*?%}|{{.*?}}", "", path.read_text("utf-8"), flags=re.DOTALL))
    for path in [*package.rglob("*.sh"), *(CHECKOUT / "parameters").glob("*.yaml")]:
        silent = "#" if path.suffix == ".sh" else "no line"
        lines = path.read_text("utf-8").splitlines()
        assert not stops("\n".join(one for one in lines if one.lstrip()[:1] != silent)), path


@pytest.mark.parametrize("path", [*NOTEBOOKS, *PAGES], ids=lambda path: path.stem)
def test_to_arm_is_explained_where_it_first_stands(path: Path) -> None:
    text = "\n".join(cells(path)) if path.suffix == ".ipynb" else prose(path)
    if first := ARMED.search(text):
        known = text[: first.end() + _NEAR]
        assert EXPLAINED.search(known), known[-2 * _NEAR :]
