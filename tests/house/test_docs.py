"""What is written down is what there is."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml

from pgha_helpers.model import Limits, Node, Pair, Ssh, Timeouts
from pgha_helpers.model.clients import KINDS, PLACEHOLDERS
from pgha_helpers.run.checkout import CHECKOUT

from ..pure.pictures import SETTINGS, primary, seen, standby, survey

EXAMPLE = (CHECKOUT / "parameters" / "example.yaml").read_text()


def keys_of(kind: Any) -> set[str]:
    return {field.name for field in fields(kind)}


def test_the_example_has_every_key_and_no_other() -> None:
    told = yaml.safe_load(EXAMPLE)
    assert set(told) == keys_of(Pair) - {"name"}
    assert set(told["limits"]) == keys_of(Limits)
    assert set(told["timeouts"]) == keys_of(Timeouts)
    for node in told["nodes"].values():
        assert set(node) == keys_of(Node) - {"name"}
        assert set(node["ssh"]) == keys_of(Ssh)


def test_the_example_explains_every_key_where_it_is_first_told() -> None:
    """Above each key, or above the key that it follows in one block, stands a comment."""
    lines = EXAMPLE.splitlines()
    for kind in (Pair, Node, Ssh, Limits, Timeouts):
        for key in keys_of(kind) - {"name", "ssh"}:
            first = next(n for n, line in enumerate(lines) if re.match(rf"\s*{key}:", line))
            above = [line.strip() for line in lines[max(0, first - 3) : first]]
            assert any(line.startswith("#") for line in above), key


def test_the_defaults_that_the_example_shows_are_the_defaults() -> None:
    from pgha_helpers.run.parameters.pair_file import load_pair

    told = load_pair(str(CHECKOUT / "parameters" / "example.yaml"))
    assert told.limits == Limits()
    assert told.timeouts == Timeouts()


def test_the_guide_to_clients_has_every_key_and_no_other() -> None:
    """Its examples, taken together, are entries of a pair file; the example's comment is one,
    too.
    """
    from pgha_helpers.run.parameters.clients import read_clients

    guide = (CHECKOUT / "docs" / "clients.md").read_text()
    blocks = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", guide, re.S))
    told = [entry for block in blocks for entry in block["clients"]]
    short = "\n".join(line[2:] for line in EXAMPLE.splitlines() if re.match(r"#   [- ] ", line))
    for entries in (told, yaml.safe_load(short)):
        read, wrong = read_clients(entries)
        assert not wrong and {client.kind for client in read} == set(KINDS)
    for kind, of_kind in KINDS.items():
        found = {key for entry in told if entry["kind"] == kind for key in entry}
        place = {"node", "ssh"} & keys_of(of_kind)  # told by one of the two
        assert found | place == keys_of(of_kind), kind
    assert all(f"`{{{name}}}`" in guide for name in PLACEHOLDERS)


def test_the_guide_to_notices_shows_keys_that_there_are(tmp_path: Path) -> None:
    from pgha_helpers.run.parameters.pair_file import load_pair

    guide = (CHECKOUT / "docs" / "notices.md").read_text()
    (block,) = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", guide, re.S))
    path = tmp_path / "prod.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(EXAMPLE) | block))
    pair = load_pair(str(path))
    assert pair.notify and pair.heartbeat and pair.on_record
    assert (pair.gate_waits, pair.timeouts.notify) == (Pair.gate_waits, Timeouts.notify)


@pytest.mark.parametrize("number", [0, 1], ids=["archive", "ticket"])
def test_the_scripts_that_the_guide_to_notices_shows_do_what_it_says(
    number: int, tmp_path: Path
) -> None:
    """With programs in place of aws and curl that tell how they were called."""
    guide = (CHECKOUT / "docs" / "notices.md").read_text()
    script = tmp_path / "script"
    script.write_text(re.findall(r"```sh\n(.*?)```", guide, re.S)[number])
    for name in ("aws", "curl"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called; cat >> {tmp_path}/called\n')
        program.chmod(0o700)
    record = tmp_path / "20261130T031240Z-prod-promote-4f2c91ab"
    record.mkdir()
    (record / "record.json").write_text('{"ticket": "OPS-7", "notebook": "promote"}')
    told = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PGHA_PAIR": "prod"}
    words = ["sh", str(script), str(record), "done", "c0ffee"]
    subprocess.run(words, env=told, input="7 of prod on ops\n", text=True, check=True)
    called = (tmp_path / "called").read_text()
    assert str(record) in called and "c0ffee" in called and "7 of prod on ops" in called
    assert number == 0 or ("/issue/OPS-7/comment" in called and "report.html" in called)


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    runtime = [
        line
        for line in (CHECKOUT / "requirements.txt").read_text().splitlines()
        if line and line[0] != "#"
    ]
    extras = [line for extra in project["optional-dependencies"].values() for line in extra]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9a-z.]+", line) for line in runtime + extras)
    assert not [line for line in runtime if "embedded" in line], (
        "PostgreSQL wheels never reach a production host"
    )


def test_every_value_with_a_unit_is_marked_as_one() -> None:
    for kind in (Limits, Timeouts):
        hints = get_type_hints(kind)
        assert all(get_args(hint) == () and not is_dataclass(hint) for hint in hints.values())
        assert {hint.__name__ for hint in hints.values()} <= {"Bytes", "Seconds"}


def test_the_readme_names_only_make_targets_that_exist() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    told = set(re.findall(r"`make ([a-z]+)`", (CHECKOUT / "README.md").read_text()))
    assert told <= targets and {"demo", "test", "lab"} <= told


def test_the_check_that_the_guide_for_developers_shows_is_one() -> None:
    """Pasted as it stands, it warns of a healthy pair whose slots may fill the disk."""
    from pgha_helpers.judgement.checks import check, judge
    from pgha_helpers.model import Snapshot

    guide = (CHECKOUT / "docs" / "developing.md").read_text()
    words: dict[str, Any] = {"check": check, "Snapshot": Snapshot}
    (text,) = re.findall(r"```python\n(.*?)```", guide, re.S)
    exec(text, words)
    shown = words["a_slot_cannot_fill_the_disk"]
    for kept, level in (("-1", "warning"), ("10GB", "ok")):
        db0 = survey(settings={**SETTINGS, "max_slot_wal_keep_size": kept})
        now = seen(primary(), standby(), {"db0": db0})
        (verdict,) = judge([shown], now)
        assert verdict.level == level and verdict.title.startswith("What a replication slot")


@pytest.mark.parametrize("page", ["developing", "house"])
def test_each_path_that_a_guide_names_is_there(page: str) -> None:
    guide = (CHECKOUT / "docs" / f"{page}.md").read_text()
    package = CHECKOUT / "pgha_helpers"
    for path in re.findall(r"`((?:\w+/)+\w+\.\w+)`", guide):
        assert (package / path).exists() or (CHECKOUT / path).exists(), path


def test_the_page_of_the_house_leads_to_all_that_reads_wal() -> None:
    told = (CHECKOUT / "docs" / "house.md").read_text().partition("## To read WAL")[2]
    places = [path.name for path in (CHECKOUT / "pgha_helpers/facts/wal").glob("*.py")]
    assert not [name for name in places if name != "__init__.py" and f"`{name}`" not in told]
