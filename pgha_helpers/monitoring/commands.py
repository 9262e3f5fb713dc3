"""`pgha status`: what is loaded for it is loaded when it is asked for, `pgha run` pays nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from ..model.errors import BadParameters

monitoring_app = typer.Typer()

Pairs = Annotated[list[str] | None, typer.Argument(metavar="[PAIR]...", help="One, or several.")]
All = Annotated[bool, typer.Option("--all", help="Every pair file that is found.")]


@monitoring_app.command()
def status(pairs: Pairs = None, every: All = False) -> None:
    """How a pair stands, in a second: what each node is, what is not well, and what to do.

    It looks as closely as verify, changes nothing and leaves no record. Exit codes: 0 well, 1
    warning, 2 critical, 3 unknown.
    """
    names = _names(pairs or [], every)
    from .status import LEVELS, in_words, scrubber, statuses, worst_of

    told = statuses(names)
    typer.echo(scrubber(told).text(in_words(told)))
    raise typer.Exit(LEVELS[worst_of(told)])


def _names(pairs: list[str], every: bool) -> list[str]:
    """The pairs that are asked for. Raises BadParameters where it is none, or both."""
    from ..run.checkout import EXAMPLE
    from ..run.finding import known_pairs

    if bool(pairs) == every:
        raise BadParameters("which pair?", "name one or several, or write --all for every one")
    if pairs:
        return list(dict.fromkeys(pairs))
    if found := [name for name in known_pairs() if name != EXAMPLE.stem]:
        return found
    raise BadParameters("there is no pair file", "pgha init NAME writes one to fill in")
