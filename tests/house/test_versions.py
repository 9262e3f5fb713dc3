"""What a version has stands in one table, and nowhere else is one compared with another."""

from __future__ import annotations

import re

from pgha_helpers.model.features import FEATURES, MENDED

from .code import ROOT, modules, name_of

#: How a version is named; the table, and what it spells; and where a person types one.
_KNOW = {"model.major", "model.features", "model.dialect"}
_COMPARES = re.compile(
    r"server_version_num\W+\s*(?:::int\s*)?[<>=]|\bversion(?:_num)?\s*(?://|[<>]=?)\s*\d"
    r"|\bmajor\s*[<>=]=?\s*\d|(?<!-)[<>]=?\s*Major"
)


def test_no_version_is_compared_anywhere_else() -> None:
    texts = {name_of(path): path.read_text() for path in modules()}
    texts |= {path.name: path.read_text() for path in ROOT.rglob("*.sql")}
    found = {name: _COMPARES.findall(text) for name, text in texts.items() if name not in _KNOW}
    assert {name: words for name, words in found.items() if words} == {}


def test_whatever_stands_in_the_table_is_asked_for() -> None:
    paths = [path for path in modules() if name_of(path) != "model.features"]
    paths += (ROOT.parent / "tests" / "embedded").glob("*.py")
    told = "\n".join(path.read_text() for path in paths)
    assert [name for name in (*FEATURES, *MENDED) if f'"{name}"' not in told] == []
