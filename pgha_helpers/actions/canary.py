"""The canary's table, in a schema of our own: the one thing that we make in a database."""

from __future__ import annotations

from ..facts.canary import TABLE, read_canary_table
from ..run import Run
from ..wire.sql import Session, identifier

#: One statement, and so one transaction. `create schema if not exists` asks for a privilege even where it exists.
_MAKE = """
do $$ begin
  if to_regnamespace('pgha') is null then create schema pgha; end if;
  create table if not exists pgha.canary (
    run text not null, seq bigint not null, at timestamptz not null default clock_timestamp(),
    primary key (run, seq));
  comment on table pgha.canary is 'Rows by which pgha measures an outage; a run that lost none deletes its own';
end $$
"""


_MAY_WRITE = """
select has_schema_privilege(%s, 'pgha', 'usage')
       and (select bool_and(has_table_privilege(%s, 'pgha.canary', needed))
              from unnest(array['select', 'insert', 'delete']) as needed) as so
"""


def ensure_canary_table(run: Run, name: str, writer: str = "") -> None:
    """Make sure that the table is there, on a primary, and that the role `writer` may use it."""
    with run.deed(name, f"make table {TABLE}") as deed:
        made = make_canary_table(run.doors[name].sql, writer)
        deed.say(made) if made else deed.already(f"table {TABLE} was there")


def make_canary_table(sql: Session, writer: str = "") -> str:
    """Make the table in this session's database, and let the role `writer` write and delete rows.

    Gives what was done, or an empty string. Raises as a statement does.
    """
    seen = read_canary_table(sql)
    done = [] if seen.there else [f"made table {TABLE} in database {seen.database}"]
    if not seen.there:
        sql.do(_MAKE)
    if writer and not sql.read(_MAY_WRITE, [writer, writer])[0]["so"]:
        sql.do(f"grant usage on schema pgha to {identifier(writer)}")
        sql.do(f"grant select, insert, delete on {TABLE} to {identifier(writer)}")
        done.append(f"let role {writer} write and delete rows of {TABLE}")
    return ", ".join(done)


def delete_canary_rows(run: Run, name: str) -> None:
    """Delete this run's rows from the primary."""
    with run.deed(name, f"delete this run's rows from {TABLE}"):
        run.doors[name].sql.do(f"delete from {TABLE} where run = %s", [run.id])
