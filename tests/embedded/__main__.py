"""`python -m tests.embedded up|down|status|load`: the embedded pair, by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pgha_helpers.model.show import Table
from pgha_helpers.run.checkout import CHECKOUT

from . import LabError, find, run_load, status
from . import down as take_down
from . import up as bring_up

app = typer.Typer(
    help="The embedded pair: real PostgreSQL, real ssh, for demos and practice.",
    no_args_is_help=True,
    add_completion=False,
)
Folder = Annotated[Path, typer.Option("--folder", help="Where the pair lives.")]
HOME = CHECKOUT / ".lab"


@app.command()
def up(
    folder: Folder = HOME,
    empty: Annotated[bool, typer.Option(help="Leave db1 without a cluster.")] = False,
) -> None:
    """Bring the embedded pair up; its pair file makes `lab` a pair."""
    pair_file = CHECKOUT / "parameters" / "lab.yaml" if folder == HOME else None
    found = bring_up(folder, start="empty" if empty else "clusters", pair_file=pair_file)
    typer.echo(f"The embedded pair is up; its pair file is {found.pair_file}")
    _print_status(folder)


@app.command()
def down(
    folder: Folder = HOME,
    remove: Annotated[bool, typer.Option(help="Delete what it made.")] = False,
) -> None:
    """Take the embedded pair down; no process is left."""
    take_down(folder, remove=remove)
    typer.echo("The embedded pair is down.")


@app.command("status")
def status_(folder: Folder = HOME) -> None:
    """What runs of the embedded pair."""
    _print_status(folder)


@app.command()
def load(folder: Folder = HOME, seconds: float = 10.0, clients: int = 4) -> None:
    """Write for some seconds, whoever is primary; then say what was acknowledged and is missing."""
    report = run_load(find(folder).dsn, seconds, clients)
    typer.echo(
        f"acknowledged {report.acknowledged}, failed {report.failed}, "
        f"longest gap {report.longest_gap_ms:.0f} ms, acknowledged and missing {report.missing}"
    )
    raise typer.Exit(1 if report.missing else 0)


def _print_status(folder: Path) -> None:
    rows = [
        (node.name, f"127.0.0.1:{node.port}", node.server, f"127.0.0.1:{node.ssh_port}", node.ssh)
        for node in status(folder)
    ]
    table = str(Table(("node", "PostgreSQL", "", "ssh", ""), rows))
    typer.echo(table if rows else f"There is no embedded pair in {folder}.")


if __name__ == "__main__":
    try:
        app()
    except LabError as error:
        sys.exit(str(error))
