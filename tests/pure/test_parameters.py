"""What people type: understood, or answered with the key, the value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pgha_helpers.model.errors import BadParameters
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.parameters.notebooks import names_of_nodes, read_parameters
from pgha_helpers.run.parameters.pair_file import load_pair

from .pair_files import GOOD, written
from .pictures import pair


def changed(**nodes: dict[str, object]) -> dict[str, object]:
    return {
        "nodes": {name: {**GOOD["nodes"][name], **nodes.get(name, {})} for name in ("db0", "db1")}
    }


GATE = {"name": "gate", "ssh": {"host": "gate.example"}}
UP = {"start": ["up"], "stop": ["down"]}


def fenced(**changes: object) -> dict[str, object]:
    return changed(db0={"fence": {"command": ["power", "off"], "check": ["is-off"], **changes}})


def test_witnesses_and_fences_are_read(tmp_path: Path) -> None:
    told = {**fenced(within="5s", witness="gate"), "witnesses": [GATE]}
    pair = load_pair(written(tmp_path, told))
    fence = pair["db0"].fence
    assert fence and (fence.command, fence.check, fence.within) == (
        ("power", "off"),
        ("is-off",),
        5,
    )
    assert pair["db1"].fence is None and pair.witnesses[0].ssh.host == "gate.example"


def test_a_small_pair_file_is_enough(tmp_path: Path) -> None:
    pair = load_pair(written(tmp_path))
    assert (pair.name, pair.names, pair["db1"].port, pair.timeouts.connect) == (
        "prod",
        ("db0", "db1"),
        5432,
        3,
    )


def test_who_is_told_may_be_one_address_and_a_command_one_text(tmp_path: Path) -> None:
    told = {"notify": "env:PGHA_CHAT", "heartbeat": "env:PGHA_BEAT", "on_record": "save --to 'a b'"}
    pair = load_pair(written(tmp_path, GOOD | told))
    assert (pair.notify, pair.on_record) == (("env:PGHA_CHAT",), ("save", "--to", "a b"))
    assert pair.address_variables == ("PGHA_CHAT", "PGHA_BEAT") and pair.gate_waits == 600
    listed = {
        "notify": ["mailto://mx.example?from=a@b.example&to=c@d.example", "jsons://h.example"]
    }
    assert len(load_pair(written(tmp_path, GOOD | listed)).notify) == 2


def test_sizes_and_durations_carry_units(tmp_path: Path) -> None:
    told = {**GOOD, "limits": {"lag": "1MB"}, "timeouts": {"connect": "250ms"}}
    pair = load_pair(written(tmp_path, told))
    assert (pair.limits.lag, pair.timeouts.connect) == (1024**2, 0.25)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({**GOOD, "limit": {}}, "limit: unknown key; did you mean 'limits'?"),
        (changed(db0={"prot": 1}), "nodes.db0.prot: unknown key; did you mean 'port'?"),
        (changed(db0={"password": "hunter2"}), "secrets do not belong in a pair file"),
        (changed(db0={"port": "many"}), "nodes.db0.port: 'many' is wrong"),
        (changed(db1={"host": "10.0.0.1"}), "db0 and db1 have the same address 10.0.0.1:5432"),
        (changed(db1={"data_directory": "data"}), "'data' must be an absolute path"),
        (
            changed(db1={"data_directory": "/da\nta"}),
            "nodes.db1.data_directory: '/da\\nta' has a control character",
        ),
        (
            changed(db1={"peer_host": "10.0.0.2/32 trust\nhost all all 0.0.0.0/0"}),
            "db1.peer_host: '10.0.0.2/32",
        ),
        (
            changed(db1={"peer_host": "10.0.0.2/0"}),
            "peer_host: '10.0.0.2/0' is not the address or the",
        ),
        (
            changed(db1={"peer_host": "all"}),
            "nodes.db1.peer_host: 'all' is not the address or the name of one host",
        ),
        (
            changed(db1={"peer_host": "SameNet"}),
            "nodes.db1.peer_host: 'SameNet' is not the address",
        ),
        (
            changed(db1={"peer_host": ".example"}),
            "nodes.db1.peer_host: '.example' is not the address",
        ),
        (
            changed(db1={"host": "10.0.0.2,10.0.0.3"}),
            "nodes.db1.host: '10.0.0.2,10.0.0.3' is not the address",
        ),
        (
            changed(db1={"host": "/run/postgresql"}),
            "nodes.db1.host: '/run/postgresql' is not the address",
        ),
        (
            changed(db1={"ssh": {"host": "h", "user": "ops\r"}}),
            "nodes.db1.ssh.user: 'ops\\r' has a control character",
        ),
        (
            {**GOOD, "replication_user": "re\npl"},
            "replication_user: 're\\npl' has a control character",
        ),
        ({**GOOD, "replication_user": ""}, "replication_user: '' is no name that PostgreSQL takes"),
        ({**GOOD, "database": "é" * 32}, "is no name that PostgreSQL takes: it has 1 to 63 bytes"),
        (
            {**GOOD, "secret_variables": ["A\x85"]},
            "secret_variables.1: 'A\\x85' has a control character",
        ),
        (
            {**GOOD, "name": "../elsewhere"},
            "name: '../elsewhere' is a part of the names of records",
        ),
        (
            changed(db1={"passfile": "~/.pgpass"}),
            "db1.passfile: '~/.pgpass' must be an absolute path on the node, as in /var/lib/",
        ),
        (
            changed(db0={"state_directory": "pgha"}),
            "db0.state_directory: 'pgha' must be an absolute path, or begin with",
        ),
        (
            changed(db0={"state_directory": "~ann/pgha"}),
            "db0.state_directory: '~ann/pgha' must be an absolute path",
        ),
        (changed(db1={"service": "systemd"}), "may be pg_ctl, pg_ctlcluster VERSION NAME"),
        (changed(db1={"peer_ssh": {"host": "-oProxyCommand=x"}}), "is not a host that ssh takes"),
        (
            changed(db1={"peer_ssh": {"host": "h", "key": "id"}}),
            "db1.peer_ssh.key: 'id' must be an absolute path",
        ),
        (
            changed(db1={"peer_ssh": {"hots": "h"}}),
            "nodes.db1.peer_ssh.hots: unknown key; did you mean 'host'?",
        ),
        ({**GOOD, "timeouts": {"connect": "3"}}, "timeouts.connect: '3' is not a duration"),
        ({**GOOD, "limits": {"lag": "much"}}, "limits.lag: 'much' is not a size"),
        ({**GOOD, "preferred": "db7"}, "preferred: 'db7' is not one of db0 and db1"),
        ({**GOOD, "witnesses": 7}, "witnesses: 7 is wrong"),
        ({**GOOD, "witnesses": [{"ssh": {"host": "h"}}]}, "witnesses.1.name: is missing"),
        ({**GOOD, "witnesses": [{"name": "gate"}]}, "witnesses.gate.ssh: is missing"),
        (
            {**GOOD, "witnesses": [{**GATE, "hots": "h"}]},
            "witnesses.gate.hots: unknown key; known: name, ssh",
        ),
        (
            {**GOOD, "witnesses": [{**GATE, "ssh": {"hots": "h"}}]},
            "witnesses.gate.ssh.hots: unknown key",
        ),
        ({**GOOD, "witnesses": [GATE, GATE]}, "'gate' is the name of 2 entries"),
        ({**GOOD, "witnesses": [{**GATE, "name": "db1"}]}, "witnesses.db1: the name is taken"),
        (
            {**GOOD, "witnesses": [{**GATE, "bin_directory": "bin"}]},
            "'bin' must be an absolute path",
        ),
        (fenced(comand=["off"]), "nodes.db0.fence.comand: unknown key; did you mean 'command'?"),
        (fenced(command="off"), "nodes.db0.fence.command: 'off' is wrong"),
        (fenced(command=[]), "nodes.db0.fence.command: is empty; it is a list of arguments"),
        (fenced(command=["power", False]), "nodes.db0.fence.command.1: False is wrong"),
        (fenced(command=["is-off"]), "command and check are the same"),
        (fenced(within="5"), "nodes.db0.fence.within: '5' is not a duration"),
        (fenced(within="0s"), "nodes.db0.fence.within: must be more than 0 s"),
        (
            fenced(witness="gate"),
            "nodes.db0.fence.witness: 'gate' is not one of `witnesses:`, which is empty",
        ),
        (
            {**fenced(witness="gaet"), "witnesses": [GATE]},
            "nodes.db0.fence.witness: 'gaet' is not one of gate",
        ),
        (
            {**fenced(witness="gate", ssh={"host": "h"}), "witnesses": [GATE]},
            "witness and ssh cannot both be told",
        ),
        (
            changed(db0={"service": {**UP, "disable": ["mask"]}}),
            "nodes.db0.service.enable: is missing",
        ),
        (
            {"nodes": {"db0": {}}},
            "exactly two are needed, each by its name, found db0: as in",
        ),
        ({"nodes": 7}, "exactly two are needed, each by its name, found 7"),
        ({"user": "x"}, "nodes: exactly two are needed, each by its name, found none"),
        (
            {"nodes": {"db0": 7, "db1": {}}},
            "nodes.db0: its keys are written below it, found 7: as in",
        ),
        (
            changed(db0={"ssh": "ops@db0"}),
            "db0.ssh: 'ops@db0' is wrong: its keys are written below it, as in ssh: {host: ",
        ),
        (
            changed(db0={"port": "x"}),
            "db0.port: 'x' is wrong: a whole number is expected, as in 5432",
        ),
        (changed(db0={"port": 99999}), "nodes.db0.port: 99999 is no port: it may be 1 to 65535"),
        (
            changed(db1={"peer_port": -1}),
            "nodes.db1.peer_port: -1 is no port: it may be 0 to 65535",
        ),
        (
            changed(db0={"ssh": {"host": "h", "port": 0}}),
            "nodes.db0.ssh.port: 0 is no port: it may be 1 to 65535",
        ),
        (
            {**GOOD, "witnesses": [{**GATE, "ssh": {"host": "h", "port": 70000}}]},
            "witnesses.gate.ssh.port: 70000 is no port",
        ),
        (
            {"nodes": {"db 0": GOOD["nodes"]["db0"], "db1": GOOD["nodes"]["db1"]}},
            "nodes.db 0: a node's name is typed as consent",
        ),
        (
            {**GOOD, "notify": ["mailtos://ops:hunter2@mx.example?to=dba@example.org"]},
            "notify.1: it holds a password or a token; secrets do not belong in a pair file: put",
        ),
        ({**GOOD, "notify": ["json://hook.example?+X-Auth=hunter2"]}, "notify.1: it holds a pass"),
        (
            {**GOOD, "notify": ["env:PGHA_CHAT", "slack://hunter2/hunter2/hunter2"]},
            "notify.2: of slack:// the address itself is a secret; secrets do not belong",
        ),
        ({**GOOD, "notify": "dba@example.org"}, "notify.1: an address is expected, as in mailto:"),
        ({**GOOD, "notify": ["env:a b"]}, "notify.1: after env: the name of a variable is"),
        ({**GOOD, "heartbeat": "ftp://a.example"}, "heartbeat: an http:// or https:// address is"),
        ({**GOOD, "heartbeat": "https://x:hunter2@a.example"}, "heartbeat: it holds a password"),
        ({**GOOD, "on_record": "archive 'it"}, 'on_record: "archive \'it" is no command'),
        ({**GOOD, "on_record": [""]}, "on_record: its first word is empty"),
        ({**GOOD, "prometheus": "prod.prom"}, "prometheus: 'prod.prom' must be an absolute path"),
        ({**GOOD, "prometheus": "/x/prod.txt"}, "ends in .prom, as in /var/lib/prometheus"),
        ({**GOOD, "gate_waits": "10"}, "gate_waits: '10' is not a duration"),
        ({**GOOD, "timeouts": {"notify": "0s"}}, "timeouts.notify: must be more than 0 s"),
        ({**GOOD, "limits": {"lag": 16}}, "limits.lag: 16 is not a size"),
        ({**GOOD, "records": "~noone/r"}, "records: '~noone/r' begins with the home of a user"),
        ({**GOOD, "passfile": "~noone/p"}, "passfile: '~noone/p' begins with the home of a user"),
        ({**GOOD, "signing_key": "~noone/k"}, "signing_key: there is no file '~noone/k'"),
        ({**GOOD, "signing_key": "k" * 300}, "signing_key: there is no file 'kkk"),
        ({**GOOD, "records_group": "dba\0"}, "records_group: there is no group 'dba"),
        ({**GOOD, "user": 7}, "user: 7 is wrong: a text is expected"),
        ({"nodes": {"db0": {}, "db1": {}}}, "nodes.db0.host: is missing"),
    ],
)
def test_a_wrong_pair_file_is_told_what_is_wrong(tmp_path: Path, told: object, words: str) -> None:
    with pytest.raises(BadParameters) as refused:
        load_pair(written(tmp_path, told))
    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["nodes: [", "- a\n- b\n", "\x00"])
def test_a_file_that_is_not_a_pair_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadParameters, match=r"example\.yaml"):
        load_pair(written(tmp_path, text=text))


def test_a_key_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    twice = yaml.safe_dump(GOOD) + "user: ann\nuser: bob\n"
    with pytest.raises(BadParameters, match=r"user is given twice, in lines \d+ and \d+"):
        load_pair(written(tmp_path, text=twice))


def test_a_tab_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="line 2: a tab stands where only blanks may"):
        load_pair(written(tmp_path, text="nodes:\n\tdb0: 1\n"))


@pytest.mark.parametrize("asked", ["~noone/prod.yaml", "~noone/" + "x" * 300])
def test_a_pair_in_the_home_of_nobody_is_not_there(asked: str) -> None:
    with pytest.raises(BadParameters, match=r"there is no pair file .*~noone"):
        load_pair(asked)


def test_pairs_are_looked_for_in_no_home_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHA_PARAMETERS", "~noone/pairs")
    with pytest.raises(BadParameters, match="no pair 'prod' in ~noone/pairs"):
        load_pair("prod")


@pytest.mark.parametrize("text", ["[nodes]: 1", "a: 1\n? - nodes\n: 1", "{a: {{b: 1}: 2}}"])
def test_a_key_that_is_no_word_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadParameters, match=r"line \d: a key is a word"):
        load_pair(written(tmp_path, text=text))


@pytest.mark.parametrize(
    ("service", "complaints"),
    [
        (
            {"start": "systemctl start x"},
            [
                "service.start: 'systemctl start x' is wrong: a list is expected, as in start: [",
                "service.stop: is missing",
            ],
        ),
        ({"start": ["a"], "stop": ["b"], "stopp": ["c"]}, ["service.stopp: unknown key; did you"]),
        (5, ["service: 5 is wrong: a text is expected"]),
    ],
)
def test_of_two_forms_only_the_one_that_was_meant_is_complained_of(
    tmp_path: Path, service: object, complaints: list[str]
) -> None:
    with pytest.raises(BadParameters) as refused:
        load_pair(written(tmp_path, changed(db0={"service": service})))
    told = [line for line in str(refused.value).splitlines() if line.startswith("  - ")]
    assert len(told) == len(complaints)
    assert all(words in line for words, line in zip(complaints, told, strict=True))


def test_a_node_that_the_pair_has_not_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(BadParameters, match="node is 'db9'") as refused:
        names_of_nodes({"node": "db9"}, pair())
    assert refused.value.remedy == "it may be db0 or db1"
    names_of_nodes({"node": "db1", "primary": ""}, pair())


def test_every_complaint_comes_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadParameters) as refused:
        load_pair(written(tmp_path, changed(db0={"prot": 1}, db1={"port": "x"})))
    assert "db0.prot" in str(refused.value) and "db1.port" in str(refused.value)


def test_a_name_is_looked_up_and_the_places_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHA_PARAMETERS", str(tmp_path))
    written(tmp_path)
    assert load_pair("prod").name == "prod"
    with pytest.raises(BadParameters, match=r"known pairs: .*example.*prod"):
        load_pair("prdo")


def test_odd_names_are_taken_as_they_are(tmp_path: Path) -> None:
    odd = '/data/it\'s "$HOME" ünïcode'
    assert (
        load_pair(written(tmp_path, changed(db0={"data_directory": odd})))["db0"].data_directory
        == odd
    )


def test_the_example_is_a_pair_file() -> None:
    assert load_pair(str(CHECKOUT / "parameters" / "example.yaml")).names == ("db0", "db1")


def test_false_is_a_boolean() -> None:
    """Papermill hands on -p light=false as a string, and a string that is not empty is true."""
    assert read_parameters("verify", {"light": "false"})["light"] is False


@pytest.mark.parametrize(
    ("notebook", "given", "words"),
    [
        (
            "promote",
            {"confrim": "promote db1"},
            "unknown parameter 'confrim', did you mean 'confirm'?",
        ),
        (
            "promote",
            {"occasion": "party"},
            "occasion='party': it may be 'switchover' or 'failover'",
        ),
        ("verify", {"light": "perhaps"}, "light='perhaps': it may be true or false"),
        ("verify", {"sample_seconds": -1}, "sample_seconds=-1: it may be at least 0"),
        ("verify", {"sample_seconds": "x"}, "sample_seconds='x': a number is expected"),
        ("verify", {"confirm": "x"}, "unknown parameter 'confirm'"),
        ("demote", {}, "there is no notebook 'demote'"),
    ],
)
def test_a_wrong_parameter_is_refused(notebook: str, given: dict[str, object], words: str) -> None:
    with pytest.raises(BadParameters) as refused:
        read_parameters(notebook, given)
    assert words in str(refused.value)


def test_a_drain_is_a_time_with_its_unit() -> None:
    assert read_parameters("promote", {"drain": "10s"})["drain"] == "10s"
    assert read_parameters("promote", {})["drain"] == ""
    with pytest.raises(
        BadParameters, match=r"drain='10': .*write a number and one of ms, s, min, h, d, as in 30s"
    ):
        read_parameters("promote", {"drain": "10"})
