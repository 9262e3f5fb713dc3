"""One thought a line: what is folded into another expression is read twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from .code import ROOT, nodes_of, tree_of

TESTS = Path(__file__).parents[1]
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _within(outer: ast.AST, *kinds: type[ast.AST]) -> bool:
    return any(isinstance(node, kinds) for node in ast.walk(outer) if node is not outer)


def _folded(tree: ast.AST) -> Iterator[int]:
    """Lines with an `if … else` that holds another one or a walrus, or a comprehension that holds a
    walrus.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp) and _within(node, ast.IfExp, ast.NamedExpr):
            yield node.lineno
        if isinstance(node, COMPREHENSIONS) and _within(node, ast.NamedExpr):
            yield node.lineno


def _public(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def test_a_public_name_means_one_thing() -> None:
    """`main` is what any program is called by."""
    where: dict[str, list[str]] = {}
    for path in ROOT.rglob("*.py"):
        for name in _public(tree_of(path)):
            if name != "main" and not name.startswith("_"):
                where.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert not {name: paths for name, paths in where.items() if len(paths) > 1}


def test_a_choice_that_needs_more_than_a_line_is_an_if() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in ROOT.rglob("*.py")
        for node in nodes_of(path)
        if isinstance(node, ast.IfExp) and node.end_lineno != node.lineno
    ]
    assert not found


def test_no_choice_is_made_within_another_and_no_name_is_given_within_one() -> None:
    paths = [*ROOT.rglob("*.py"), *TESTS.rglob("*.py")]
    found = [f"{path}:{line}" for path in paths for line in _folded(tree_of(path))]
    assert not found
