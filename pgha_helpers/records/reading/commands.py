"""`pgha records`: what runs have left.

Each call first completes what a run that was killed could not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...model.errors import BadParameters, HaError, said
from ...model.show import plural
from ...run.finding import complete_pair

if TYPE_CHECKING:
    from ...model import Head, Pair
    from .wanted import Wanted

records_app = typer.Typer(help="The records of runs.", no_args_is_help=True)

PairName = Annotated[str, typer.Argument(metavar="PAIR", autocompletion=complete_pair)]
Notebook = Annotated[str, typer.Option(help="Only runs of this notebook.")]
Outcome = Annotated[str, typer.Option(help="Only runs with this outcome.")]
Ticket = Annotated[str, typer.Option(help="Only runs with this ticket.")]
Since = Annotated[str, typer.Option(help="Only runs from this day on (UTC), as in 2026-11-22.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON; docs/records.md tells its keys.")]
Until = Annotated[str, typer.Option(help="Only runs up to this day (UTC).")]


@records_app.command("list")
def list_(
    pair: PairName,
    notebook: Notebook = "",
    outcome: Outcome = "",
    ticket: Ticket = "",
    since: Since = "",
    until: Until = "",
    json: AsJson = False,
) -> None:
    """The runs of a pair, the newest first."""
    from .entries import entries
    from .listing import in_json, listing

    found, folder = _complete(pair)
    kept = entries(folder, _wanted(found, notebook, outcome, ticket, since, until))
    typer.echo(in_json([entry.as_json() for entry in kept]) if json else str(listing(kept)))


@records_app.command()
def show(pair: PairName, run: str, json: AsJson = False) -> None:
    """One record in full; RUN is a run's id, its beginning, or the name of the folder."""
    from .entries import find
    from .listing import in_json
    from .showing import record_text

    found = find(_complete(pair)[1], run)
    typer.echo(in_json(found.as_json()) if json else record_text(found))


@records_app.command("verify")
def verify_command(
    pair: PairName,
    nodes: Annotated[bool, typer.Option(help="Ask the nodes what they have noted.")] = False,
    head: Annotated[
        Path | None, typer.Option(help="Prove against what `pgha records head` has printed once.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Whether the records are what they were, and all there.

    Exit code 0: they are; 2: something was found; 3: a node did not answer, or a file is not yours
    to read.
    """
    from ...facts.chain_notes import read_ledgers
    from ...run.parameters.pair_file import load_pair
    from ...run.redaction import Redactor, secrets_of
    from .verification import verify

    found = load_pair(pair)
    ledgers, silent = read_ledgers(found) if nodes else (None, [])
    done = verify(found, ledgers, _held(found, head))
    scrub = Redactor(secrets_of(found))
    if json:
        from .listing import in_json

        told = {"findings": list(map(str, done.findings)), "silent": silent, "told": str(done)}
        typer.echo(scrub.text(in_json(told)))
    else:
        typer.echo(scrub.text("\n".join([str(done), *(f"? {why}" for why in silent)])))
    if done.findings:
        _tell(found, [scrub.text(str(finding)) for finding in done.findings])
        raise typer.Exit(2)
    raise typer.Exit(3 if silent or done.unread else 0)


@records_app.command("head")
def head_command(pair: PairName) -> None:
    """The newest line of the sequence: number, digest and signature, to be kept elsewhere.

    Mail it, print it or put it into a ticket: `records verify --head FILE` proves against it that
    nothing before it was changed, by whomever.
    """
    from ...run.parameters.pair_file import load_pair
    from ..making.folder import records_of
    from ..making.sequence import sequences

    found = load_pair(pair)
    each = (one.head() for one in sequences(records_of(found), found.name))
    heads = [head for head in each if head]
    if not heads:
        raise BadParameters(
            f"there is no sealed record in {records_of(found)}", "the first run makes one"
        )
    typer.echo("\n".join(head.text for head in heads), nl=False)


@records_app.command("compare")
def compare_command(
    pair: PairName,
    one: str,
    other: str,
    html: Annotated[Path | None, typer.Option(help="Write a page here, too.")] = None,
    json: AsJson = False,
) -> None:
    """Two runs side by side: parameters, settings, verdicts, how long each deed took, the lag."""
    from .compare import compare
    from .comparison_page import comparison_page
    from .entries import find
    from .listing import in_json

    folder = _complete(pair)[1]
    compared = compare(find(folder, one), find(folder, other))
    typer.echo(in_json(compared.as_json()) if json else compared.text())
    if html is not None:
        _write(html, comparison_page(compared))
        typer.echo(f"\n{html}", err=json)


@records_app.command("page")
def page_command(
    pair: PairName,
    notebook: Notebook = "",
    outcome: Outcome = "",
    ticket: Ticket = "",
    since: Since = "",
    until: Until = "",
) -> None:
    """Write index.html beside the records: one page to filter and sort them and to see trends.

    It needs no server.
    """
    from ..making.numbering import add_line
    from ..making.sequence import PAGE
    from .entries import entries
    from .figures import figures_of
    from .manifest import sha256
    from .page import INDEX, pages

    found, folder = _complete(pair)
    if not folder.is_dir():
        raise BadParameters(
            f"there is no record in {folder}", "the first run makes one, or mend `records:`"
        )
    wanted = _wanted(found, notebook, outcome, ticket, since, until)
    written = {}
    told = [run for run in figures_of(folder, found.name) if wanted.wants(run._asdict())]
    for name, text in pages(entries(folder, wanted), told):
        _write(folder / name, text)
        written[name] = sha256(folder / name)
    add_line(found, PAGE, pages=written)
    typer.echo(str(folder / INDEX))


@records_app.command("export")
def export_command(
    pair: PairName,
    into: Annotated[Path, typer.Option(help="The file: its name ends in .csv or .parquet.")],
    what: Annotated[
        str, typer.Option(help="runs: a row a run, all its figures; lag: a row a sample.")
    ] = "runs",
    notebook: Notebook = "",
    outcome: Outcome = "",
    ticket: Ticket = "",
    since: Since = "",
    until: Until = "",
) -> None:
    """Write the runs of a pair as a table, the newest first, for pandas, DuckDB or a spreadsheet.

    Parquet needs the extra `parquet`. docs/records.md tells every column.
    """
    from .export import export
    from .figures import figures_of

    found, folder = _complete(pair)
    wanted = _wanted(found, notebook, outcome, ticket, since, until)
    runs = [run for run in figures_of(folder, found.name) if wanted.wants(run._asdict())]
    rows = export(folder, runs, what, into)
    typer.echo(f"{into}: {plural(rows, 'row')} of {plural(len(runs), 'run')}")


@records_app.command("attach")
def attach_command(
    notebook: Path,
    pair: Annotated[str, typer.Option(help="Needed if the records have been moved since.")] = "",
) -> None:
    """Put the executed notebook of a run by plain papermill into its record."""
    from .attach import attach

    typer.echo(f"Record: {attach(notebook, pair)}")


def _tell(pair: Pair, findings: list[str]) -> None:
    """Have those told who are named in the pair file."""
    from ..making.notices import keep, of_findings

    if not pair.notify:
        return
    try:
        keep(of_findings(pair, findings), pair)
    except (OSError, HaError) as error:
        typer.echo(f"nobody is told: {said(error)}", err=True)


def _held(pair: Pair, file: Path | None) -> dict[str, Head]:
    """What a file holds of this pair's sequences. Raises BadParameters."""
    from ...model import Head

    if file is None:
        return {}
    try:
        text = file.read_text("utf-8", "replace")
    except OSError as error:
        raise BadParameters(f"{file} cannot be read: {error.strerror}", "name another") from None
    heads = [head for head in Head.parse_all(text) if head.pair == pair.name]
    if not heads:
        raise BadParameters(
            f"{file} holds no line of {pair.name}",
            "it must have the three lines that `pgha records head` has printed",
        )
    return {f"{file}, {head.host}, {head.number}": head for head in heads}


def _complete(name: str) -> tuple[Pair, Path]:
    """The pair and its folder of records, in which whatever could be completed now is.

    Raises BadParameters.
    """
    from ...run.parameters.pair_file import load_pair
    from ..making.folder import records_of
    from ..making.seal import complete_all

    pair = load_pair(name)
    for complaint in complete_all(pair):
        typer.echo(complaint, err=True)
    return pair, records_of(pair)


def _write(path: Path, text: str) -> None:
    """Write a page. Raises BadParameters where that cannot be done."""
    from ..making.files import replace_file

    try:
        replace_file(path, text)
    except OSError as error:
        raise BadParameters(
            f"{path} cannot be written: {error.strerror}", "name another file, or mend that"
        ) from None


def _wanted(pair: Pair, notebook: str, outcome: str, ticket: str, since: str, until: str) -> Wanted:
    from .wanted import Wanted

    return Wanted(pair.name, notebook, outcome, ticket, since, until)
