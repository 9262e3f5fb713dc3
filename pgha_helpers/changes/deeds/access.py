"""Who may replicate: the role, and pg_hba lines in both directions."""

from __future__ import annotations

from collections.abc import Sequence

from ...facts.configured import configuration
from ...facts.node_config import home_of
from ...facts.queries import query
from ...facts.wal.rewinding import FUNCTIONS, is_granted
from ...model import DeedKind, Pair, passfile
from ...model.errors import NotSafe, QueryFailed
from ...run.run import Run
from ...wire.sql import Identifier
from .configuration import hba_address, hba_block, with_hba
from .files import read_file, why_not_written, write_file


def role_is_missing(run: Run, name: str) -> str:
    """What the replication role wants: "create", "give" (the right to replicate), or nothing."""
    rows = run.doors[name].sql.read(query("role"), [run.pair.replication_user])
    if not rows:
        return "create"
    return "" if rows[0]["replication"] else "give"


def hba_is_missing(run: Run, name: str) -> bool:
    """Whether this server's pg_hba.conf lacks a line of ours."""
    door, user = run.doors[name], run.pair.replication_user
    hosts = {hba_address(node.seen_by_peer[0])[1] for node in run.pair}
    asked = [
        [database, user, host] for database in ("replication", run.pair.database) for host in hosts
    ]
    return any(door.sql.read(query("hba"), wanted)[0]["lines"] == 0 for wanted in asked)


def lets_in(lines: Sequence[Sequence[str]], pair: Pair) -> bool:
    """Whether lines of a pg_hba.conf, as words, have each of ours.

    By the same measure as `hba_is_missing`.
    """
    hosts = {hba_address(node.seen_by_peer[0]) for node in pair}
    asked = [(database, names) for database in ("replication", pair.database) for names in hosts]
    return all(
        any(
            {database, pair.replication_user} <= {*line}
            and {*names} & {*line}
            and "reject" not in line
            for line in lines
        )
        for database, names in asked
    )


def refuse_unwritable(run: Run, name: str, missing: bool) -> None:
    """Raises NotSafe where a node's pg_hba.conf lacks our lines and may not be written.

    It says which lines to write by hand. `missing` is what a running server has said; else the file
    is read, because a copy that the node gets keeps it.
    """
    door, home = run.doors[name], home_of(run.doors[name])
    if not home and not door.node.config_directory:
        return
    found = configuration(door, home or door.node.data_directory, door.node.config_directory)
    if (not missing and lets_in(found.access, run.pair)) or not (
        why := why_not_written(door, found.hba)
    ):
        return
    block = hba_block(run.pair, "scram-sha-256")
    raise NotSafe(
        f"pg_hba.conf of {name} must let both nodes replicate, and cannot be written: {why}",
        f"put this on top of {found.hba} and reload, then run this notebook again:\n{block}",
    )


def ensure_rewinding(run: Run, name: str) -> bool:
    """Let the replication role call what pg_rewind calls.

    It could copy every file of this server before, too. False where it was so when the plan was
    made: then the connection was tried, too.
    """
    door, user = run.doors[name], run.pair.replication_user
    words = f"let {user} read files over SQL, for pg_rewind"
    with run.deed(name, words, DeedKind.GRANT) as deed:
        if is_granted(door, run.pair):
            deed.already(f"{user} could read files over SQL")
            return False
        door.sql.do(f"grant execute on function {', '.join(FUNCTIONS)} to %s", [Identifier(user)])
        return True


def ensure_role(run: Run, name: str) -> None:
    """Make sure that the replication role exists.

    Its password comes from the operator's passfile, as a verifier.
    """
    door, user = run.doors[name], run.pair.replication_user
    with run.deed(name, f"create role {user} with REPLICATION", DeedKind.CREATE_ROLE) as deed:
        missing = role_is_missing(run, name)
        if not missing:
            deed.already(f"role {user} was there")
            return
        password = password_of(run.pair, name)
        if missing == "give":
            door.sql.do("alter role %s login replication", [Identifier(user)])
            deed.say(f"gave role {user} REPLICATION; its password is as it was")
        elif password:
            verifier = door.sql.encrypted(password, user)
            door.sql.do(
                "create role %s login replication password %s", [Identifier(user), verifier]
            )
            deed.say(
                f"created role {user} with REPLICATION, with the password of this machine's "
                "passfile"
            )
        else:
            door.sql.do("create role %s login replication", [Identifier(user)])
            deed.say(
                f"created role {user} with REPLICATION, without a password: the passfile has "
                "none for it"
            )


def password_of(pair: Pair, name: str) -> str:
    """The replication role's password in the operator's passfile, or empty.

    There is none with certificates, trust or peer.
    """
    node = pair[name]
    return passfile.password(
        pair.passfile, node.host, str(node.port), "replication", pair.replication_user
    )


def ensure_hba(run: Run, name: str) -> None:
    """Make sure that this running server lets both nodes replicate from it."""
    door = run.doors[name]
    with run.deed(name, "let the nodes replicate: pg_hba.conf", DeedKind.EDIT_HBA) as deed:
        if not hba_is_missing(run, name):
            # a run that was killed may have written it, and told nobody
            door.sql.do("select pg_reload_conf()")
            deed.already("pg_hba.conf lets the nodes replicate")
            return
        path = door.sql.read("select current_setting('hba_file') as path")[0]["path"]
        before = read_file(door, path)
        write_file(door, path, with_hba(before, hba_lines(run, name)))
        door.sql.do("select pg_reload_conf()")
        wrong = door.sql.read(
            "select line_number, error from pg_hba_file_rules where error is not null"
        )
        if wrong:
            write_file(door, path, before)
            door.sql.do("select pg_reload_conf()")
            raise QueryFailed(
                f"{path} on {name} would be wrong in line {wrong[0]['line_number']}: "
                f"{wrong[0]['error']}"
            )


def hba_lines(run: Run, name: str) -> str:
    """Our lines, as this running server lets others in.

    Passwords as it stores them, and TLS alone where nobody is let in over a network without.
    """
    told = run.doors[name].sql.read(query("how others come in"), [run.pair.replication_user])[0]
    method = "scram-sha-256" if told["stored"] == "scram-sha-256" else "md5"
    return hba_block(run.pair, method, "hostssl" if told["only_tls"] else "host")
