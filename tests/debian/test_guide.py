"""docs/first-pair.md, typed word by word on three machines, with two superuser passwords.

Not typed: the way without a network (`elsewhere$`, tried by hand), the editor, in which the pair
file and ~/.pgpass are filled in, and the eyes that compare two fingerprints: the test does these.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from pgha_helpers.run.checkout import CHECKOUT

from ..lab.hosts import require_namespaces
from .debian_pair import PROGRAMS
from .guide import Section, Typed, sections
from .machines import Machine, machines
from .terminal import Terminal

HOME = "/home/you"
_ADDRESSES = {"ops1": "10.0.0.5", "db0": "10.0.0.10", "db1": "10.0.0.11"}
_SUPER = {"db0": "sup:er zero", "db1": "one's \\own"}
_ON_DB1 = {"db0": "db1", _ADDRESSES["db0"]: _ADDRESSES["db1"]}
_SWAPPED = {"db0": "db1", "db1": "db0", _ADDRESSES["db0"]: _ADDRESSES["db0"]}
#: What a person who comes to this machine finds there.
_FOUND = {
    "ops1": f"""
        mkdir -p {HOME} /srv/pgha
        sed -i 's|^root:\\([^:]*:[0-9]*:[0-9]*:[^:]*\\):[^:]*:|root:\\1:{HOME}:|' /etc/passwd
        cd {CHECKOUT}
        git ls-files -z -co --exclude-standard | tar --null --ignore-failed-read -T - -cf - |
            tar -xf - -C /srv/pgha
        cd /srv/pgha
        git init -q && git add -A
        git -c user.name=you -c user.email=you@ops1 commit -qm here
    """,
    "db": """
        rm -rf /etc/postgresql/15 /var/lib/postgresql/15 /var/lib/postgresql/.pgpass
        rm -f /etc/ssh/ssh_host_* /var/lib/dpkg/updates/*  # apt-get may just be at work outside
        ssh-keygen -A > /dev/null
        mkdir -p /run/sshd /run/postgresql
        chown postgres:postgres /run/postgresql
        /usr/sbin/sshd -f /usr/share/openssh/sshd_config
        pg_createcluster -p 5432 15 main --start
    """,
}


class Operator:
    """Somebody who types the guide, with a terminal on each machine."""

    def __init__(self, there: dict[str, Machine], undo: ExitStack) -> None:
        self.there, self.guide = there, sections()
        self.began = time.monotonic()
        self.yours = {"<this repository>": "/srv/pgha"}
        self.terminals = {
            name: Terminal(machine, HOME if name == "ops1" else "/root")
            for name, machine in there.items()
        }
        for terminal in self.terminals.values():
            undo.callback(terminal.close)

    def type(self, typed: Typed, *answers: str, code: int = 0) -> str:
        """Type a line as it stands, but for what the guide calls yours; what was said."""
        line = typed.line
        for name, mine in self.yours.items():
            line = line.replace(name, mine)
        ended, said = self.terminals[typed.on].type(line, *answers)
        assert ended == code, (
            f"section {typed.section}, {typed.on}: {line}\nended with {ended}: {said}"
        )
        for shown in typed.shows:
            assert " ".join(shown.split()) in " ".join(said.split()), f"{line}: {shown}\n{said}"
        return said

    def section(self, number: int) -> list[str]:
        """Type a whole section."""
        return [self.type(typed) for typed in self.guide[number].typed()]

    def twice(self, section: Section, type_: Callable[[Typed], object]) -> None:
        """Type a section, and again for db1 what of it is about db0."""
        for typed in section.typed():
            type_(typed)
        for typed in section.typed():
            if typed.on == "db0" or _ADDRESSES["db0"] in typed.line or "scanned" in typed.line:
                type_(typed.as_of(_ON_DB1))

    def write(self, path: str, text: str) -> None:
        """Save a file on ops1, as an editor does."""
        self.there["ops1"].run(f"cat > {path} <<'THE END'\n{text}THE END")

    def read(self, path: str) -> str:
        """A file on ops1."""
        return self.there["ops1"].run(f"cat {path}")


@pytest.fixture
def you(need: Callable[..., None], tmp_path: Path) -> Iterator[Operator]:
    """Three machines: one with nothing but Python and git, two with a cluster of Debian's."""
    require_namespaces(need)
    need("pg_createcluster", "postgresql-common")
    need(str(PROGRAMS / "postgres"), "postgresql-15")
    need("sshd", "openssh-server")
    need("ssh-keyscan", "openssh-client")
    need("crontab", "cron")
    need("systemd-analyze", "systemd")
    for program in ("sudo", "openssl", "rsync", "git"):
        need(program, program)
    with machines(tmp_path, _ADDRESSES) as there, ExitStack() as undo:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda name: there[name].run(_FOUND.get(name, _FOUND["db"])), there))
        yield Operator(there, undo)


def test_the_guide_typed_word_by_word(you: Operator) -> None:
    _install(you)
    you.twice(you.guide[2], you.type)
    _bring_key(you)
    you.twice(you.guide[4], you.type)
    you.twice(you.guide[5], lambda typed: _let_in(you, typed))
    _write_passwords(you)
    _fill_in(you)
    (verify,) = you.guide[8].typed()
    you.type(verify, code=2)
    (rehearsed,) = you.section(9)
    assert "Put the password of postgres on db0 first for db1, too" in rehearsed
    _, verified = you.section(10)
    assert "Exit code 0" in verified
    took = _promote(you)
    _as_cron(you)
    you.section(13)
    you.section(14)
    print(f"the first signed switchover after {took:.0f} s")
    assert you.there["ops1"].run(f"git -C {HOME}/pgha status --porcelain") == ""
    for password in (*_SUPER.values(), you.yours["REPL"]):
        hunt = ["grep", "-rlF", "--", password, f"{HOME}/pgha/records"]
        assert subprocess.run(you.there["ops1"].enter(*hunt)).returncode == 1
    _remove(you)


def _install(you: Operator) -> None:
    """pip finds the packages of the tests: there is no network, and no minute to wait."""
    first, second, third, *without_a_network = you.guide[1].typed()
    assert [typed.on for typed in without_a_network] == ["elsewhere", "ops1", "ops1"]
    you.type(first)
    you.type(second)
    found = f"{HOME}/pgha/.venv/lib/python*/site-packages"
    you.there["ops1"].run(f"echo {sysconfig.get_path('purelib')} > $(echo {found})/tests.pth")
    # that of the tests is newer
    you.there["ops1"].run(f"{HOME}/pgha/.venv/bin/python -m pip uninstall -q -y setuptools")
    offline = "export PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0 PIP_CONFIG_FILE=/dev/null"
    you.terminals["ops1"].type(offline)
    you.type(third)


def _bring_key(you: Operator) -> None:
    for typed in you.guide[3].typed():
        if typed.on == "db0":
            key = you.read(f"{HOME}/.ssh/pgha-for-nodes").strip()
            for name in ("db0", "db1"):
                you.there[name].run(f"echo '{key}' > /root/pgha-for-nodes")
                you.type(typed.as_of(_ON_DB1 if name == "db1" else {"db0": "db0"}))
        else:
            you.type(typed)


def _let_in(you: Operator, typed: Typed) -> None:
    """A password of its own on each of the two."""
    answers = [_SUPER[typed.on]] * 2 if r"\password" in typed.line else []
    you.type(typed, *answers)


def _write_passwords(you: Operator) -> None:
    draw, *others = you.guide[6].typed()
    you.yours["REPL"] = you.type(draw).strip()
    text = you.guide[6].to_write("10.0.0.10").replace("REPL", you.yours["REPL"])
    for word, name in (("SUPER0", "db0"), ("SUPER1", "db1")):
        text = text.replace(word, re.sub(r"([\\:])", r"\\\1", _SUPER[name]))
    you.write(f"{HOME}/.pgpass", text)
    for typed in others:
        you.type(typed)
        if _ADDRESSES["db0"] in typed.line or typed.on == "db0":
            you.type(typed.as_of(_ON_DB1))


def _fill_in(you: Operator) -> None:
    """What section 7 has typed, and its table in the pair file."""
    you.section(7)
    path = f"{HOME}/pgha/parameters/prod.yaml"
    told = yaml.safe_load(you.read(path))
    for name, node in told["nodes"].items():
        for keys, values in you.guide[7].table():
            if keys == ["ssh"]:
                node["ssh"] = yaml.safe_load("\n".join(values))
            else:
                node |= dict(zip(keys, values or ("", "0"), strict=False))
        text = yaml.safe_dump(node).replace(_ADDRESSES["db0"], _ADDRESSES[name])
        told["nodes"][name] = yaml.safe_load(text)
    told |= yaml.safe_load(you.guide[7].to_write("records_keep"))
    you.write(path, yaml.safe_dump(told))


def _promote(you: Operator) -> float:
    """Seconds from the first line to the first switchover that is done and signed."""
    rehearse, promote, verify, back, records = you.guide[11].typed()
    you.type(rehearse)
    assert "done" in you.type(promote)
    took = time.monotonic() - you.began
    newest = you.there["ops1"].run(f"ls -d {HOME}/pgha/records/*-promote-*").split()[-1]
    told = json.loads(you.read(f"{newest}/record.json"))
    assert (told["outcome"], told["parameters"]["reason"]) == ("done", "practice")
    assert told["git"]["dirty"] is False
    assert you.read(f"{newest}/manifest.json.sig").startswith("-----BEGIN SSH SIGNATURE")
    you.type(verify)
    you.type(back)
    listed = you.type(records)
    assert listed.count(" promote ") >= 3, listed
    return took


def _as_cron(you: Operator) -> None:
    """Section 12, and then each line as cron gives it to sh: it says nothing when all is well."""
    schedule, install, units, *as_root = you.guide[12].typed()
    assert [typed.on for typed in as_root] == ["ops1", "ops1"]  # there is no systemd here
    for typed in (schedule, install, units):
        you.type(typed)
    table = you.there["ops1"].run("crontab -l").splitlines()
    lines = [line for line in table if not line.startswith("#")]
    assert len(lines) == 3
    for line in lines:
        command = line.split(maxsplit=5)[5].replace(r"\%", "%")
        as_cron = f"env -i HOME={HOME} LOGNAME=root SHELL=/bin/sh PATH=/usr/bin:/bin"
        assert you.there["ops1"].run(f"cd {HOME}; {as_cron} sh -c {shlex.quote(command)}") == ""
    written = you.there["ops1"].run(f"systemd-analyze verify {HOME}/units/* 2>&1; ls {HOME}/units")
    timers = [word for word in as_root[1].line.split() if word.endswith(".timer")]
    expected = sorted([*timers, *(timer.replace(".timer", ".service") for timer in timers)])
    assert written.split() == expected, "systemd-analyze has nothing to say"


def _remove(you: Operator) -> None:
    """db0 is primary again, so that the names are exchanged."""
    *lines, known = you.guide[15].typed()
    on_both = next(n for n, typed in enumerate(lines) if typed.line.startswith("ls -d"))
    for typed in lines[:on_both]:
        you.type(typed.as_of(_SWAPPED))
    for name in ("db0", "db1"):
        look, *rest = (typed.as_of({"db1": name}) for typed in lines[on_both:])
        _, said = you.terminals[name].type(look.line)
        kept = re.findall(r"^\s*(/\S+aside-\S+)$", said, re.M)
        assert len(kept) == (name == "db1"), said
        for typed in rest:
            example = re.search(r"\S+\.aside-\S+", typed.line)
            for path in kept if example else [""]:
                you.type(
                    Typed(15, name, typed.line.replace(example[0], path) if example else typed.line)
                )
    you.type(known)
    left = "select slot_name::text from pg_replication_slots union all select rolname::text from "
    left += "pg_roles where rolname ~ 'pgha|replicator' union all select nspname::text from "
    left += "pg_namespace where nspname ~ 'pgha'"
    assert you.there["db0"].run(f'runuser -u postgres -- psql -Atc "{left}"') == ""
    conf = (
        "cat /var/lib/postgresql/15/main/postgresql.auto.conf /etc/postgresql/15/main/pg_hba.conf"
    )
    assert "pgha" not in you.there["db0"].run(conf) and "primary_" not in you.there["db0"].run(conf)
