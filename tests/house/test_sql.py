"""What sessions ask: nothing that others have written can stand in for what is meant."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pgha_helpers.clients import road
from pgha_helpers.clients.canary import client
from pgha_helpers.facts.queries import query
from pgha_helpers.model.dialect import NEWEST

from .code import modules, name_of, nodes_of

#: By the clients' own road, perhaps through a pooler, where no search_path can be pinned.
ROAD = (client._INSERT, road._INSERT, road._DELETE, query("road's end").text(NEWEST))
#: Who opens a session: the door to a node, whose options pin it; PgBouncer's console; and those who
#: take the road.
OPENERS = {
    "wire.doors",
    "clients.console",
    "clients.road",
    "clients.canary.client",
    "clients.canary.road",
}


def calls(path: Path, name: str) -> bool:
    tree = nodes_of(path)
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name for n in tree
    )


def test_a_session_that_is_not_pinned_is_opened_only_where_it_is_known() -> None:
    assert {name_of(path) for path in modules() if calls(path, "Session")} == OPENERS


@pytest.mark.parametrize("statement", ROAD)
def test_what_goes_by_the_clients_road_names_whose_each_thing_is(statement: str) -> None:
    text = re.sub(
        r"'[^']*'",
        "''",
        "\n".join(line for line in statement.splitlines() if not line.startswith("--")),
    )
    called = set(re.findall(r"(?<![.\w])([a-z_]\w*)\s*\(", text.replace("pgha.canary (", "")))
    assert called <= {"values", "operator"}, "a function needs its schema"
    assert not re.search(r"[=<>|~*/!]|::", re.sub(r"operator\(pg_catalog\.=\)|%s", "", text)), (
        "an operator does, too"
    )


def test_names_are_parameters_and_no_part_of_a_statement_that_has_parameters() -> None:
    """A `%` in a role's name was taken for another parameter."""
    users = {name_of(path) for path in modules() if calls(path, "identifier")}
    assert users == {
        "wire.sql",
        "clients.console",
        "clients.watchdog",
        "model.configuration",
        "model.grants",
        "monitoring.grants",
    }
