"""`pgha schedule`: what is to run when, as lines of a crontab or as systemd's units."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_PAIR = "PAIR"


@dataclass(frozen=True)
class Job:
    """What runs, and when. `words` are those of pgha; PAIR stands for the pair's file.

    `cron` names two numbers of the pair's own, {of_5} and {of_50}, so that two hundred pairs do not
    all begin in the same second; systemd spreads by `spread`. `wait` is for how many seconds a job
    waits for another one that is under way: a light verify is rather left out.
    """

    name: str
    does: str
    words: tuple[str, ...]
    cron: str
    calendar: str
    spread: str
    wait: int


JOBS = (
    Job(
        "light",
        "a light verify every 5 minutes",
        ("run", "verify", _PAIR, "-p", "light=true", "--news"),
        "{of_5}-59/5 * * * *",
        "*:0/5",
        "4min",
        0,
    ),
    Job(
        "verify",
        "a full verify every morning",
        ("run", "verify", _PAIR, "--news"),
        "{of_50} 6 * * *",
        "*-*-* 06:00",
        "50min",
        240,
    ),
    Job(
        "rehearsal",
        "a rehearsal of the switchover every Monday; it changes nothing",
        ("run", "promote", _PAIR, "--news"),
        "{of_50} 7 * * 1",
        "Mon *-*-* 07:00",
        "50min",
        240,
    ),
)


def drill_of(pair: str) -> Job:
    """The one job that changes something, for who asks for it."""
    return Job(
        "drill",
        "a drill on the first of each month: there and back, a moment without a primary each time",
        ("drill", _PAIR, "--confirm", f"drill {pair}"),
        "{of_50} 5 1 * *",
        "*-*-01 05:00",
        "50min",
        240,
    )


def crontab(
    pair: str, file: Path, jobs: Sequence[Job] = JOBS, variables: Iterable[str] = ()
) -> str:
    """Lines for `crontab -e`, for a user who may log in to both nodes. `variables` are those that
    the pair file reads secrets from.

    cron mails what is printed, and `--news` prints only what differs from the run before. Whatever
    runs holds the pair file, so that no two jobs of a pair run at once.
    """
    own = _own_numbers(pair)
    lines = [f"# {pair}, by pgha: cron mails what a job prints, and it prints what has changed."]
    for name, value in _needed().items():
        lines.append(f"# cron has no {name}: write {name}={value} in a line above, if it is needed")
    for name in variables:
        lines.append(
            f"# cron has no {name}, which the pair file names: write {name}=… in a line above"
        )
    for job in jobs:
        wait = f"-w {job.wait}" if job.wait else "-n"
        # -E 0: one that was left out is no error
        command = f"flock {wait} -E 0 {shlex.quote(str(file))} {_command(job, file)}"
        lines += [f"# {job.does}", f"{job.cron.format_map(own)} {command}".replace("%", r"\%")]
    return "\n".join(lines) + "\n"


def units(
    pair: str, file: Path, jobs: Sequence[Job] = JOBS, variables: Iterable[str] = ()
) -> Iterator[tuple[str, str]]:
    """Name and text of a service and a timer for each job; systemd itself starts no job twice."""
    stem = f"pgha-{_escaped(pair)}"
    for job in jobs:
        name = f"{stem}-{job.name}"
        command = " ".join(_quoted(word) for word in _words(job, file))
        environment = "".join(
            f"Environment={_quoted(f'{key}={value}', '$')}\n" for key, value in _needed().items()
        )
        if named := " and ".join(variables):
            environment += f"# {named}, mode 0600:\nEnvironmentFile=-/etc/pgha/environment\n"
        yield (
            f"{name}.service",
            f"[Unit]\nDescription=pgha, {pair}: {job.does}\n"
            "Wants=network-online.target\nAfter=network-online.target\n\n"
            f"[Service]\nType=oneshot\nUser={getpass.getuser()}\n{environment}"
            "# a warning is no failure; critical, unknown and refused are\n"
            f"SuccessExitStatus=1\nExecStart={command}\n",
        )
        yield (
            f"{name}.timer",
            f"[Unit]\nDescription=pgha, {pair}: {job.does}\n\n"
            f"[Timer]\nOnCalendar={job.calendar}\nRandomizedDelaySec={job.spread}\n"
            f"FixedRandomDelay=true\nPersistent={'true' if job.wait else 'false'}\n\n"
            "[Install]\nWantedBy=timers.target\n",
        )


def _own_numbers(pair: str) -> Mapping[str, int]:
    """The same for a pair each time, and others for another pair."""
    number = int.from_bytes(sha256(pair.encode("utf-8", "surrogateescape")).digest()[:4])
    return {"of_5": number % 5, "of_50": number % 50}


def _words(job: Job, file: Path) -> list[str]:
    script = Path(sys.executable).absolute().with_name("pgha")
    python = [str(script.with_name("python")), "-P", "-m", "pgha_helpers"]
    pgha = [str(script)] if script.is_file() else python
    return [*pgha, *(str(file) if word == _PAIR else word for word in job.words)]


def _command(job: Job, file: Path) -> str:
    return shlex.join(_words(job, file))


def _needed() -> dict[str, str]:
    """Variables that a run of this very user may lean on, and that no scheduler gives."""
    names = ("PGPASSFILE", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _quoted(word: str, dollar: str = "$$") -> str:
    """A word of a command line of systemd, which expands % and $; in a variable's value % alone.

    >>> print(_quoted("/home/ann/100% $HOME"))
    "/home/ann/100%% $$HOME"
    """
    plain = word.replace("%", "%%").replace("$", dollar)
    if re.fullmatch(r"[\w@%+=:,./-]+", plain, re.ASCII):
        return plain
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _escaped(name: str) -> str:
    r"""A pair's name in the name of a unit, as `systemd-escape` writes it.

    >>> print(_escaped("prod-eu 1"))
    prod\x2deu\x201
    """
    kept = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_."
    return "".join(
        char if char in kept else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in name
    )
