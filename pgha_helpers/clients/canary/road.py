"""The clients' own road: the hosts that a canary tries, and whether they lead to this database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...judgement.plans import Plan
from ...model import Pair
from ...model.conninfo import pinned
from ...model.dialect import has
from ...model.errors import HaError, NotSafe, Refusal
from ...model.here import here
from ...model.major import Major
from ...run.run import Run
from ...wire.hosts import hosts_of
from ...wire.sql import Session
from .making import trusted
from .table import TABLE, WRITER, RoadEnd, read_canary_table, read_road_end

APPLICATION = "pgha canary"  # its application_name
CONNECT = 1.0  # seconds at most for one host: a node that hangs must not hold the canary up


@dataclass(frozen=True)
class CanaryRoad:
    """Where rows go: libpq's settings host by host, and whose they are.

    `writer` is the role, where that is known.
    """

    hosts: tuple[dict[str, Any], ...]
    told: str
    writer: str = ""


def road_of(pair: Pair) -> CanaryRoad:
    """The first `dsn` of the pair file's clients; else both nodes, for the writable one.

    Raises BadParameters.
    """
    given = next((client for client in pair.clients if client.dsn), None)
    if given:
        hosts = [{**each, **_passfile(given.passfile)} for each in hosts_of(given.dsn)]
        told = ", ".join(map(_told, hosts))
        named = tuple({**each, "application_name": APPLICATION} for each in hosts)
        return CanaryRoad(named, f"the clients' own road, {told}")
    both: dict[str, Any] = {
        "user": pair.user,
        "dbname": pair.database,
        "target_session_attrs": "read-write",
    }
    both |= _passfile(pair.passfile)
    both |= {"application_name": APPLICATION, "options": pinned(WRITER)}
    own = tuple({**both, "host": node.host, "port": node.port} for node in pair)
    names = " and ".join(pair.names)
    return CanaryRoad(own, f"both nodes, asked for the writable one ({names})", WRITER)


def _told(settings: Mapping[str, Any]) -> str:
    """A host of a road, in words."""
    host = settings.get("host") or settings.get("hostaddr") or "local"
    return f"{host}:{settings.get('port', 5432)}"


def _passfile(path: str) -> dict[str, str]:
    return {"passfile": here(path)} if path else {}


def _refuse_old(run: Run, primary: str) -> None:
    major = Major.of(run.doors[primary].sql.version)
    if not has("canary", major):
        raise NotSafe(
            f"there is no canary on PostgreSQL {major}, which {primary} runs",
            "leave it out (canary=false)",
        )


def try_road(run: Run, plan: Plan) -> CanaryRoad:
    """The road, after a look whether rows can be written there; changes nothing.

    Raises a Refusal that says why they cannot. Where nobody is writable yet, only the table is
    looked for.
    """
    road = road_of(run.pair)
    primary = plan.peer if plan.kind == "switchover" else plan.node
    _refuse_old(run, primary)
    table = trusted(read_canary_table(run.doors[primary].sql, run.pair.user))
    if plan.kind != "switchover":
        if not (table.ready or (table.there and road.writer != WRITER)):
            raise NotSafe(
                f"table {TABLE} is not there, or has no role {WRITER}, and there is no primary "
                "to make them on",
                "run setup when the pair is well",
            )
        return road
    if not (table.ready or table.may_make):
        raise NotSafe(
            f"role {table.user} may not make schema pgha in database {table.database} of {primary}",
            "let `user:` of the pair file be a superuser, or leave the canary out (canary=false)",
        )
    end = _end_of(road, run)
    if end.started != table.started:
        raise NotSafe(
            f"{road.told} does not lead to {primary}, the primary",
            "mend `clients:` or leave the canary out",
        )
    if end.database != table.database:
        raise NotSafe(
            f"{road.told} leads to database {end.database}, and the pair file names "
            f"{table.database}",
            "a table is made only in the database that `database:` names: name the clients' "
            "one there",
        )
    return CanaryRoad(road.hosts, road.told, road.writer or end.user)


def _end_of(road: CanaryRoad, run: Run) -> RoadEnd:
    """What the first host says that lets a client write. Raises Refusal if none does."""
    said = []
    for settings in road.hosts:
        if road.writer == WRITER:  # which may still have to be made, and no gate was passed
            settings = {**settings, "user": run.pair.watcher, "options": pinned()}
        connect = min(CONNECT, run.timeouts.connect)
        session = Session(road.told, settings, connect, run.timeouts.statement)
        try:
            return read_road_end(session)
        except HaError as error:
            said.append(error.what)
        finally:
            session.close()
    raise Refusal(
        f"a client gets nowhere by {road.told}: {'; '.join(said)}",
        "mend that, or leave the canary out",
    )
