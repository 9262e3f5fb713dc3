"""The canary's table, in a schema of our own: the one thing that we make in a database."""

from __future__ import annotations

from ..facts.canary import TABLE, read_canary_table
from ..run import Run

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


def ensure_canary_table(run: Run, name: str, writer: str = "") -> None:
    """Make sure that the table is there, on a primary, and that the role `writer` may insert into it."""
    sql = run.doors[name].sql
    with run.deed(name, f"make table {TABLE}") as deed:
        seen = read_canary_table(sql)
        wanting = [] if seen.there else [f"made table {TABLE} in database {seen.database}"]
        if not seen.there:
            sql.do(_MAKE)
        if writer and not _may_write(run, name, writer):
            quoted = '"' + writer.replace('"', '""') + '"'
            sql.do(f"grant usage on schema pgha to {quoted}")
            sql.do(f"grant insert on {TABLE} to {quoted}")
            wanting.append(f"let role {writer} insert into {TABLE}")
        if wanting:
            deed.say(", ".join(wanting))
        else:
            deed.already(f"table {TABLE} was there")


def _may_write(run: Run, name: str, writer: str) -> bool:
    asked = "select has_schema_privilege(%s, 'pgha', 'usage') and has_table_privilege(%s, %s, 'insert') as so"
    return bool(run.doors[name].sql.read(asked, [writer, writer, TABLE])[0]["so"])


def delete_canary_rows(run: Run, name: str) -> None:
    """Delete this run's rows from the primary."""
    with run.deed(name, f"delete this run's rows from {TABLE}"):
        run.doors[name].sql.do(f"delete from {TABLE} where run = %s", [run.id])
