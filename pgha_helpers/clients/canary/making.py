"""The canary's table, in a schema of our own: the one thing that we make in a database."""

from __future__ import annotations

from ...facts.queries import query
from ...model import DeedKind
from ...model.errors import NotSafe
from ...run.run import Run
from ...wire.sql import Identifier, Session
from .table import TABLE, WRITER, CanaryTable, lacking, read_canary_table

_ROLE = f"create role {WRITER}"
_SCHEMA = "create schema pgha"
_TABLE = f"""
create table {TABLE} (run text not null, seq bigint not null,
                      at timestamptz not null default clock_timestamp(),
                      primary key (run, seq));
comment on table {TABLE} is
  'Rows by which pgha measures an outage; a run that lost none deletes its own'
"""
_GRANTS = ("grant usage on schema pgha to %s", f"grant select, insert, delete on {TABLE} to %s")
_REMEDY = "look who made it; drop schema pgha cascade makes room for ours. Or leave the canary out"


def ensure_canary_table(run: Run, name: str, writer: str = "") -> None:
    """Make sure that the table is there, on a primary, and that the role `writer` may use it."""
    with run.deed(name, f"make table {TABLE}", DeedKind.MAKE_TABLE) as deed:
        made = make_canary_table(run.doors[name].sql, run.pair.user, writer)
        if made:
            deed.say(made)
        else:
            deed.already(f"table {TABLE} was there")


def make_canary_table(sql: Session, user: str, writer: str = "") -> str:
    """Make the table in this session's database; the session is that of `user`.

    Let the role `writer`, too, write and delete rows. Gives what was done, or an empty string.
    Raises NotSafe where something there is not ours, and as a statement does.
    """
    seen = trusted(read_canary_table(sql, user))
    wanted = ((seen.role, _ROLE), (seen.schema, _SCHEMA), (seen.there, _TABLE))
    if missing := [statement for there, statement in wanted if not there]:
        sql.do(";".join(missing))  # in one transaction
    if not seen.there:
        for row in sql.read(query("canary's grantees")):  # by ALTER DEFAULT PRIVILEGES
            sql.do(f"revoke all on {TABLE} from %s", [Identifier(row["name"])])
            sql.do("revoke all on schema pgha from %s", [Identifier(row["name"])])
        trusted(read_canary_table(sql, user))
    let = lacking(sql, WRITER, writer)
    for role in let:
        for grant in _GRANTS:
            sql.do(grant, [Identifier(role)])
    made = []
    if not seen.there:
        made.append(f"made table {TABLE} in database {seen.database}")
    for role in let:
        if seen.there or role != WRITER:  # to make the table says that of its own role
            made.append(f"let role {role} write and delete rows of {TABLE}")
    return ", ".join(made)


def trusted(seen: CanaryTable) -> CanaryTable:
    """The table as it was seen, if nobody can have anything executed by who touches it.

    Raises NotSafe.
    """
    if seen.strangers:
        raise NotSafe(seen.why_not, _REMEDY)
    return seen


def delete_canary_rows(run: Run, name: str) -> None:
    """Delete this run's rows from the primary."""
    with run.deed(name, f"delete this run's rows from {TABLE}", DeedKind.DELETE_ROWS):
        run.doors[name].sql.do(f"delete from {TABLE} where run = %s", [run.id])
