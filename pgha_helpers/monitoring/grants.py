"""`pgha grants`: the roles of a pair, with no more than each of them needs, as SQL for psql."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..facts.disk import read_disk
from ..model import Pair, dialect
from ..model.errors import BadParameters, HaError
from ..model.foreign import identifier
from ..model.grants import TO_CHANGE, TO_REWIND, TO_WATCH, Grant
from ..model.major import Major
from .looking import looking
from .sudoers import sudoers

SUDOERS = "sudoers"


@dataclass(frozen=True)
class RoleOf:
    """A role that the pair file names by `key`; `usual` is its name where the file has none.

    Up to the version before `feature` no grants are enough, and `before` says what holds there.
    `more` is what is to be known beside.
    """

    key: str
    usual: str
    does: str
    attributes: str = ""
    grants: tuple[Grant, ...] = ()
    feature: str = ""
    before: str = ""
    more: tuple[str, ...] = ()

    def name(self, pair: Pair) -> str:
        """What it is called in this pair; `postgres` is a superuser, and no role to be made."""
        told = str(getattr(pair, self.key))
        return self.usual if told in ("", "postgres") else told


_WAY_IN = (
    "Then: a password (in psql: \\password {quoted}), added to the passfile of this machine; on "
    "both nodes a line of pg_hba.conf, host all {quoted} ADDRESS-OF-THIS-MACHINE scram-sha-256, "
    "and pg_reload_conf(); and in the pair file {key}: {yaml}"
)

#: By the word that names each in `pgha grants PAIR WORD`.
ROLES = {
    "monitor": RoleOf(
        "monitor_user",
        "pgha_monitor",
        "status, verify, rehearsals and the lag. It hears what the server does, and reads no table",
        "login",
        TO_WATCH,
        feature="monitor_roles",
        before="only a superuser sees what others do: leave monitor_user: out",
        more=(_WAY_IN,),
    ),
    "replication": RoleOf(
        "replication_user",
        "replicator",
        "as which a standby connects. Setup makes it, too, with its lines of pg_hba.conf",
        "login replication",
        feature="replication_role",
        before="only a superuser may replicate: setup makes one",
    ),
    "rewind": RoleOf(
        "replication_user",
        "replicator",
        "what pg_rewind calls. Whoever may call that reads every file of the server, as a base "
        "backup does. A rebuild grants it, too, where user: is a superuser",
        grants=TO_REWIND,
        feature="file_grants",
        before="only a superuser may be rewound from: rebuild copies instead",
    ),
    "operator": RoleOf(
        "user",
        "pgha_operator",
        "past a gate: promote, and rebuild by follow, rewind or clone",
        "login replication",
        TO_CHANGE,
        feature="alter_system_grants",
        before="ALTER SYSTEM and CHECKPOINT are for superusers: let user: be one",
        more=(
            _WAY_IN,
            "It takes a superuser to set a pair up (roles, any setting), to make the table of the "
            "canary and of a client's dsn, to end a superuser's session, and to rebuild by rsync "
            "where its source has tablespaces. And who has the shell of the server's owner, which "
            "every run needs, can become a superuser: this keeps from mistakes, not from malice",
        ),
    ),
}


def role_in_sql(pair: Pair, word: str, major: Major) -> Iterator[str]:
    """The lines that make one of ROLES, on a server of this major version."""
    role = ROLES[word]
    name = role.name(pair)
    yield from _comment(f"{role.key}: {name}, {role.does}.")
    if role.feature and not dialect.has(role.feature, major):
        yield from _comment(f"Before {dialect.FEATURES[role.feature].since} {role.before}.")
        return
    if role.attributes:
        yield f"create role {identifier(name)} {role.attributes};"
    for grant in role.grants:
        if grant.there_is(major):
            where = ", and in each database that has some" if grant.everywhere else ""
            yield from _comment(f"{grant.why}{where}:")
            yield from grant.to(name)
    for words in role.more:
        yield from _comment(f"{words.format(**_spelled(name), key=role.key)}.")


def _spelled(name: str) -> dict[str, str]:
    """A role's name for a sentence, as psql and pg_hba.conf take it, and as a pair file does.

    >>> _spelled("Ann")
    {'name': 'Ann', 'quoted': '"Ann"', 'yaml': "'Ann'"}
    """
    if re.fullmatch("[a-z_][a-z0-9_]*", name) and name != "all":
        return {"name": name, "quoted": name, "yaml": name}
    doubled = name.replace("'", "''")
    return {"name": name, "quoted": identifier(name), "yaml": f"'{doubled}'"}


def heading(pair: Pair, major: Major) -> Iterator[str]:
    """Where the rest is typed, and by whom."""
    yield from _comment(
        f"{pair.name}, PostgreSQL {major}. As a superuser, in database {pair.database} of the "
        "primary; a standby gets it by replication. A role that exists is told, and does no harm."
    )


def _comment(words: str) -> list[str]:
    return textwrap.wrap(words, 100, initial_indent="-- ", subsequent_indent="-- ")


def printed(pair: Pair, only: Sequence[str] = (), postgres: str = "") -> str:
    """These parts of it, or all, for a major version, or for that of the nodes' programs.

    Raises BadParameters.
    """
    if unknown := set(only) - {*ROLES, SUDOERS}:
        raise BadParameters(
            f"there is no {' and no '.join(sorted(unknown))} to be printed",
            f"{', '.join(ROLES)} and {SUDOERS} are",
        )
    if set(only) == {SUDOERS}:
        return "\n".join(_sudoers(pair)) + "\n"
    major = _spoken(postgres) if postgres else _major_of(pair)
    parts: list[Iterable[str]] = [heading(pair, major)]
    parts += [role_in_sql(pair, word, major) for word in ROLES if word in (only or ROLES)]
    if not only or SUDOERS in only:
        parts.append(f"-- {line}" for line in _sudoers(pair))
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _sudoers(pair: Pair) -> Iterator[str]:
    found = sudoers(pair)
    for host, lines in found.items():
        yield f"# {host}, by `visudo -f /etc/sudoers.d/pgha`. A program elsewhere: its own path."
        yield from lines
    if not found:
        yield "# No line of sudoers is needed: nothing in the pair file runs by sudo."


def _spoken(postgres: str) -> Major:
    """A version as it was typed. Raises BadParameters."""
    known = f"{dialect.OLDEST} to {dialect.NEWEST}"
    try:
        major = Major.parse(postgres)
    except ValueError:
        raise BadParameters(f"--postgres: {postgres} is no version", f"it may be {known}") from None
    if not dialect.OLDEST <= major <= dialect.NEWEST:
        raise BadParameters(f"--postgres: {major} is not spoken", f"it may be {known}")
    return major


def _major_of(pair: Pair) -> Major:
    """That of the programs on the nodes. Raises BadParameters where no shell tells."""
    why = ""
    with looking(pair) as run:
        for door in run.doors.values():
            try:
                if told := read_disk(door).programs:
                    return told
                why = f"no programs in {door.node.bin_directory} of {door.node.name}"
            except HaError as silence:
                why = silence.what
    raise BadParameters(f"which PostgreSQL? {why}", "say it: --postgres 18")
