"""Ten wrong set-ups, one at a time: each is told once, and first, with its own remedy.

What a run says in its last cell is what cron mails: it fits one screen, and its first line would do
as a text message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import wrap
from typing import Any

import pytest
import yaml

from pgha_helpers import HEALTHY, conclude, judged, look
from pgha_helpers.model.errors import Unhealthy

from ..conftest import pgha
from ..embedded import Lab
from .nights import Night
from .runs import changed_pair, running
from .servers import stop_cleanly

WIDTH, HEIGHT = 80, 24
WRONG = "not-its-password"
Write = Callable[[str, str, int], str]


def nodes(pair: Lab, **changes: Any) -> dict[str, Any]:
    """A change of both nodes' ssh."""
    told = yaml.safe_load(pair.pair_file.read_text())["nodes"]
    return {name: {"ssh": {**node["ssh"], **changes}} for name, node in told.items()}


def passfile(pair: Lab) -> str:
    return Path(yaml.safe_load(pair.pair_file.read_text())["passfile"]).read_text()


def password(pair: Lab, write: Write) -> dict[str, Any]:
    wrong = re.sub(":[^:]*$", f":{WRONG}", passfile(pair), flags=re.MULTILINE)
    return {"passfile": write("pgpass", wrong, 0o600)}


def mode(pair: Lab, write: Write) -> dict[str, Any]:
    return {"passfile": write("pgpass", passfile(pair), 0o644)}


def key(pair: Lab, write: Write) -> dict[str, Any]:
    hosts = Path(pair.folder / "db0_host_ed25519").read_text()  # a key, and nobody's here
    return nodes(pair, key=write("id", hosts, 0o600))


def port(pair: Lab, _: Write) -> dict[str, Any]:
    return {"db1": {"port": 1}}


def user(_: Lab, __: Write) -> dict[str, Any]:
    return {"user": "postgers"}


def database(_: Lab, __: Write) -> dict[str, Any]:
    return {"database": "postgras"}


def directory(_: Lab, __: Write) -> dict[str, Any]:
    return {"db0": {"data_directory": "/var/lib/postgresql/18/mian"}}


def owner(_: Lab, __: Write) -> dict[str, Any]:
    return {"db0": {"owner": "postgers"}, "db1": {"owner": "postgers"}}


#: What is wrong; the cause and the remedy that its first line tells.
SETUPS = {
    password: ("db0 and db1: SQL: password authentication failed", "correct the password in /"),
    mode: (r"db0 and db1: SQL: no password supplied: passfile .* \(mode 0644\)", "chmod 600 /"),
    key: ("db0 and db1: ssh: user '.*' is not let in with key /", "correct ssh.user or ssh.key"),
    port: ("db1: port 1 is wrong: the server listens on", "correct port in the pair file"),
    user: ("db0 and db1: SQL: .* has no line for user 'postgers'", "correct user:"),
    database: ('db0 and db1: SQL: database "postgras" does not exist', "correct database:"),
    directory: (
        "db0: data_directory is wrong: /var/lib/postgresql/18/mian does not exist; SQL is answered",
        "correct data_directory in the pair file",
    ),
    owner: ("db0 and db1: no shell as postgers: sudo: unknown user", "correct owner"),
}
#: Of other causes: about two healthy servers none of them may be said.
OF_OTHERS = re.compile(r"promote|rebuild|fence|another cluster|two histories|hand-over|setup")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str, mode: int) -> str:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    return written


def fits(lines: list[str]) -> bool:
    return sum(max(1, len(wrap(line, WIDTH))) for line in lines) <= HEIGHT


def verified(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a verify says at its end, without the seconds that a kernel takes to start."""
    with running(path, "verify", light=True) as run:
        verdicts = judged(run, HEALTHY, look(run, closely=True))
        capsys.readouterr()
        with pytest.raises(Unhealthy):
            conclude(run, verdicts)
    return capsys.readouterr().out.splitlines()


def mailed(path: Path) -> list[str]:
    """What cron mails of it."""
    done = pgha("run", "verify", str(path), "-p", "light=true")
    assert done.returncode == 2
    return (done.stdout + done.stderr).splitlines()


def tells_once(lines: list[str], pair: str, cause: str, remedy: str) -> None:
    """The first line tells all, nothing is said twice, and of what could not be asked one line."""
    first = lines[0]
    known = r"(?: \(last well [-0-9]+ [0-9:]+Z\))?"
    assert re.match(rf"{pair}: critical{known}: {cause}.*\. To do: {remedy}", first), first
    assert sum(remedy in line for line in lines) == 1
    assert sum("checks could not be asked" in line for line in lines) == 1
    assert len(lines) == len(set(lines)) and fits(lines), lines


@pytest.mark.parametrize("wrong", SETUPS, ids=lambda wrong: wrong.__name__)
def test_a_wrong_setup_is_one_cause(
    wrong: Callable[[Lab, Write], dict[str, Any]],
    pair: Lab,
    tmp_path: Path,
    write: Write,
    capsys: pytest.CaptureFixture[str],
    need: Callable[..., None],
) -> None:
    if wrong is owner:
        need("sudo", "sudo")
    cause, remedy = SETUPS[wrong]
    path = changed_pair(pair, tmp_path, **wrong(pair, write))
    for lines in (verified(path, capsys), *([mailed(path)] if wrong in (password, mode) else ())):
        tells_once(lines, "changed", cause, remedy)
        assert not OF_OTHERS.search("\n".join(lines).replace(str(tmp_path), ""))


def test_a_standby_that_is_down_and_then_both(night: Night) -> None:
    """The last two: what is down is named with since when, and only these tell to rebuild or to
    promote.
    """
    pair = night.pair
    since = r" since \d{4}-\d\d-\d\d \d\d:\d\dZ"
    stop_cleanly(night.pair, "db1")
    lines = mailed(pair.pair_file)
    tells_once(lines, "lab", f"db1: stopped{since}", "run rebuild with node=db1")
    assert "Now db0 is primary, db1: stopped." in lines
    assert not re.search(r"promote|fence", "\n".join(lines[:2])), "below are other causes' own"
    stop_cleanly(night.pair, "db0")
    lines = mailed(pair.pair_file)
    tells_once(lines, "lab", f"db0 and db1: stopped{since}", "start both servers as they were")
    assert not re.search(r"rebuild|fence|failover", "\n".join(lines[:2]))
