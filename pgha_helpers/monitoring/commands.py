"""`pgha status` and its kin: what each needs is loaded when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..model.errors import BadParameters
from ..records.making.outcome import BAD_PARAMETERS
from ..records.reading.commands import PairName
from ..run.finding import complete_pair
from ..run.parameters.quantities import option_span

if TYPE_CHECKING:
    from .status import PairStatus

monitoring_app = typer.Typer()

Pairs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PAIR]...", help="One, or several.", autocompletion=complete_pair),
]
All = Annotated[bool, typer.Option("--all", help="Every pair file that is found.")]

Json = Annotated[bool, typer.Option("--json", help="As JSON; docs/status.md tells its form.")]
Nagios = Annotated[bool, typer.Option("--nagios", help="As a monitoring plugin: one line.")]
Metrics = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write metrics for Prometheus's node_exporter, in one step."),
]
Watch = Annotated[str, typer.Option(metavar="SPAN", help="Again and again, as in 2s.")]


@monitoring_app.command()
def status(
    pairs: Pairs = None,
    every: All = False,
    json: Json = False,
    nagios: Nagios = False,
    prometheus: Metrics = None,
    watch: Watch = "",
) -> None:
    """How a pair stands, in a second: what each node is, what is not well, and what to do.

    It looks as closely as verify, changes nothing and leaves no record. Exit codes: 0 well, 1
    warning, 2 critical, 3 unknown.
    """
    if json + nagios + bool(watch) > 1:
        raise BadParameters("--json, --nagios and --watch are three answers", "ask for one")
    from .many import pairs_asked

    names, seconds = pairs_asked(pairs or [], every), option_span("--watch", watch)
    from .status import LEVELS, Looks, worst_of

    def keep(told: list[PairStatus]) -> None:
        if prometheus is not None:
            _keep_metrics(prometheus, told)

    if seconds is not None:
        from .watching import watch_status

        # 0s would ask the nodes all the time
        told = watch_status(names, max(seconds, 0.1), keep)
    else:
        with Looks(names) as looks:
            told = looks.look()
        keep(told)
        if json or nagios or prometheus is None:
            typer.echo(_answer(told, json, nagios))
    raise typer.Exit(LEVELS[worst_of(told)])


def _answer(told: list[PairStatus], json: bool, nagios: bool) -> str:
    """The form that was asked for, without secrets."""
    from .status import in_words, scrubber

    if not (json or nagios):
        return scrubber(told).text(in_words(told))
    from .forms import json_text, nagios_line

    return json_text(told, scrubber(told)) if json else scrubber(told).text(nagios_line(told))


def _keep_metrics(file: Path, told: list[PairStatus]) -> None:
    """Raises BadParameters where the file cannot be written."""
    from .prometheus import write_prometheus

    try:
        write_prometheus(file, told)
    except OSError as error:
        raise BadParameters(
            f"{file} cannot be written: {error.strerror}", "name another, or mend that"
        ) from None


@monitoring_app.command("check")
def check_command(pair: PairName, json: Json = False) -> None:
    """Whether a pair file is right: that it can be read, and every key of it. Nobody is asked."""
    from ..run.finding import find_pair
    from ..run.parameters.pair_file import load_pair
    from .forms import STATUS_FORMAT

    file, nodes, wrong = find_pair(pair), list[str](), list[str]()
    try:
        nodes = [f"{node.name} at {node.host}:{node.port}" for node in load_pair(pair)]
    except BadParameters as error:
        if not json:
            raise
        first, *several = error.what.split("\n  - ")
        wrong = several or [first]
    if json:
        typer.echo(_as_json(format=STATUS_FORMAT, file=str(file), right=not wrong, wrong=wrong))
    else:
        typer.echo(f"{file} is right: {' and '.join(nodes)}")
    raise typer.Exit(BAD_PARAMETERS if wrong else 0)


@monitoring_app.command()
def checks(
    json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As the page docs/checks.md.")
    ] = False,
) -> None:
    """Every check that there is: what is allowed, how bad a no is, and what to do."""
    from dataclasses import asdict

    from .catalogue import catalogue, page_of
    from .forms import STATUS_FORMAT

    found = catalogue()
    if markdown:
        typer.echo(page_of(found), nl=False)
    elif json:
        typer.echo(_as_json(format=STATUS_FORMAT, checks=[asdict(one) for one in found]))
    else:
        typer.echo("\n".join(map(str, found)))


@monitoring_app.command()
def support(
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="Only this one, in words: 9.6, 18.")
    ] = "",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As in the page docs/versions.md.")
    ] = False,
) -> None:
    """What each notebook can do on which version of PostgreSQL, by which method, and when that was
    tried."""
    from .tried import support_in_words, support_table

    typer.echo(support_table() if markdown else support_in_words(version), nl=False)


def _as_json(**told: object) -> str:
    from json import dumps

    return dumps(told, indent=2, ensure_ascii=False)


@monitoring_app.command()
def grants(
    pair: str,
    only: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD]...", help="monitor, replication, rewind, operator, sudoers"),
    ] = None,
    postgres: Annotated[
        str, typer.Option(help="The major version; else the nodes' shells are asked.")
    ] = "",
) -> None:
    """The roles of a pair, with no more rights than each needs, as SQL for psql, by version; and
    the lines of sudoers that its pair file needs."""
    from ..run.parameters.pair_file import load_pair
    from .grants import printed

    typer.echo(printed(load_pair(pair), only or (), postgres), nl=False)


@monitoring_app.command()
def schedule(
    pair: PairName,
    systemd: Annotated[bool, typer.Option(help="systemd's units instead of a crontab.")] = False,
    drills: Annotated[bool, typer.Option("--drill", help="A drill a month, too.")] = False,
    into: Annotated[
        Path | None, typer.Option(help="With --systemd: write the units into this folder.")
    ] = None,
) -> None:
    """What to run when: a light verify every 5 minutes, a full one a day, a rehearsal a week.

    With --drill also a drill a month, the only one of them that changes anything.

    It prints lines for `crontab -e`, or units, for the user who types this, with full paths.
    """
    from ..run.finding import find_pair
    from ..run.parameters.pair_file import load_pair
    from .schedule import JOBS, crontab, drill_of, units

    file, found = find_pair(pair).absolute(), load_pair(pair)
    name, variables = found.name, (*found.address_variables, *found.secret_variables)
    jobs = [*JOBS, drill_of(name)] if drills else JOBS
    if not systemd:
        if into is not None:
            raise BadParameters(
                "--into is for units", "add --systemd, or pipe the lines to crontab"
            )
        typer.echo(crontab(name, file, jobs, variables), nl=False)
        return
    for unit, text in units(name, file, jobs, variables):
        if into is None:
            typer.echo(f"# {unit}\n{text}")
        else:
            _write(into / unit, text)


def _write(path: Path, text: str) -> None:
    """Write a unit, and say where. Raises BadParameters."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise BadParameters(f"{path} cannot be written: {error.strerror}", "mend that") from None
    typer.echo(str(path))


@monitoring_app.command()
def drill(
    pair: str,
    confirm: Annotated[str, typer.Option(help="The words that allow it, as they are shown.")] = "",
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")] = "",
    operator: Annotated[str, typer.Option(help="Who does it; else the OS user.")] = "",
    ticket: Annotated[str, typer.Option(help="The change request.")] = "",
) -> None:
    """Move the primary to the other node and back, and write one report for the auditor.

    Verify, promote, verify, promote back, each by its notebook. Without --confirm it says what it
    would do. Exit codes: 0 passed or only shown, 4 refused, 5 not passed.
    """
    from ..records.making.folder import records_of
    from ..records.making.outcome import REFUSED, UNFINISHED
    from ..records.reading.past import past_of
    from ..run.finding import find_pair
    from ..run.parameters.pair_file import load_pair
    from .drill import carried_out, conclude_drill, consent_of, phases, planned

    file, found = find_pair(pair).absolute(), load_pair(pair)
    steps = phases(found)
    if not confirm:
        typer.echo(planned(found, steps))
        return
    if confirm != consent_of(found):
        raise BadParameters(f"--confirm {confirm!r}", f"the words are {consent_of(found)!r}")
    why = {"reason": reason or f"a drill of {found.name}", "operator": operator, "ticket": ticket}
    words = [word for key, value in why.items() if value for word in ("-p", f"{key}={value}")]
    usual = past_of(records_of(found), found.name).switchovers
    done = carried_out(found, file, steps, words)
    passed, told = conclude_drill(found, steps, done, usual)
    typer.echo(told)
    if not passed:
        changed = any(one.told.get("changed") for one in done)
        raise typer.Exit(UNFINISHED if changed else REFUSED)


@monitoring_app.command()
def notify(
    pair: PairName,
    trial: Annotated[bool, typer.Option("--try", help="Send a notice that is none, too.")] = False,
) -> None:
    """Send the notices of a pair that wait, and the records that `on_record:` has not taken.

    Each run does so at its end; this is for trying it, and after a long failure. Exit codes: 0 all
    is sent, 1 something still waits.
    """
    from ..run.parameters.pair_file import load_pair
    from ..run.redaction import Redactor, secrets_of
    from .telling import tell_waiting, try_out

    found = load_pair(pair)
    if not (found.notify or found.on_record):
        raise BadParameters(
            f"{pair} names nobody who is told", "write `notify:` or `on_record:` in its file"
        )
    if trial:
        try_out(found)
    complaints = tell_waiting(found)
    for complaint in complaints:
        typer.echo(Redactor(secrets_of(found)).text(complaint), err=True)
    if complaints:
        raise typer.Exit(1)
    typer.echo("All is sent.")
