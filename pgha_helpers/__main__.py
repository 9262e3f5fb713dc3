"""The `pgha` command."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from .model.errors import BadParameters, HaError, unforeseen
from .model.foreign import shown
from .monitoring.commands import monitoring_app
from .records.making import outbox
from .records.making.outcome import BAD_PARAMETERS, EXIT_CODES, REFUSED
from .records.reading.commands import PairName, records_app
from .run import courtesy
from .run.checkout import EXAMPLE
from .run.finding import complete_notebook, find_notebook, find_pair, places
from .run.parameters.quantities import option_span

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(records_app, name="records")
app.add_typer(monitoring_app)

_NAME = re.compile(r"\w[\w .-]*")  # of a pair, and of its file, its records and its units


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"pgha {version('pgha_helpers')}")
        raise typer.Exit()


@app.callback()
def anything(
    version_: Annotated[
        bool,
        typer.Option("--version", help="Tell the version.", callback=_tell_version, is_eager=True),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Tell on stderr what each node is asked, and how long it took."
        ),
    ] = False,
) -> None:
    """An executable runbook for a pair of PostgreSQL servers."""
    if verbose:
        from .run.verbose import begin_telling

        begin_telling()


NotebookName = Annotated[str, typer.Argument(metavar="NOTEBOOK", autocompletion=complete_notebook)]
Given = Annotated[
    list[str] | None, typer.Option("-p", metavar="KEY=VALUE", help="A parameter of the notebook.")
]
File = Annotated[Path | None, typer.Option("-f", help="A YAML file of parameters.")]


@app.command()
def run(
    notebook: NotebookName,
    pair: PairName = "",
    p: Given = None,
    f: File = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every pair file that is found; of verify only.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="With --all: so many pairs at a time.")] = 4,
    news: Annotated[
        bool, typer.Option("--news", help="From cron: print only what differs from the run before.")
    ] = False,
    cell_timeout: Annotated[
        str, typer.Option(help="Interrupt a cell that runs for longer, as in 30min.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Rehearse. So it does anyway, without `confirm`.")
    ] = False,
) -> None:
    """Run a notebook headless. Exit codes: 0 well or rehearsed, 1 warning, 2 critical, 3 unknown, 4
    refused and nothing changed, 5 changed and not finished, 64 bad parameters."""
    # what was typed wrongly is answered before a kernel starts
    find_notebook(notebook)
    if every or news:
        from .monitoring.many import run_apart

        typed = _typed_again(p, f, cell_timeout)
        told, code = run_apart(notebook, pair, typed, jobs if every else 0)
        typer.echo(told, nl=False)
        raise typer.Exit(code)
    find_pair(pair)
    given, within = _given(pair, p, f), option_span("--cell-timeout", cell_timeout)
    if dry_run and given.get("confirm"):
        raise BadParameters("--dry-run and confirm contradict each other", "leave one of them out")
    from .records.engine.prestarted_kernel import early_kernel

    with early_kernel() as kernel:
        from .records.making.headless import run_notebook

        code = run_notebook(kernel, notebook, given, within)
    raise typer.Exit(code)


@app.command("open")
def open_(
    notebook: NotebookName,
    pair: PairName,
    p: Given = None,
    f: File = None,
    browser: Annotated[bool, typer.Option(help="Open a browser, too.")] = True,
) -> None:
    """Open JupyterLab on a copy of a notebook, in a new record folder, until Ctrl-C."""
    from .monitoring.meanwhile import watching
    from .records.making.interactive import open_notebook

    raise typer.Exit(
        open_notebook(notebook, _given(pair, p, f), browser=browser, watching=watching)
    )


@app.command()
def init(name: str) -> None:
    """Write a commented pair file to fill in: NAME.yaml where pairs are looked up first
    (PGHA_PARAMETERS, else parameters/ of the checkout, else ~/.config/pgha), or a path that ends in
    .yaml."""
    is_path = name.endswith(".yaml")
    target = Path(name) if is_path else places()[0] / f"{name}.yaml"
    if not _NAME.fullmatch(target.stem if is_path else name):
        raise BadParameters(
            f"{shown(name)!r} is no name for a pair",
            "letters, digits, '.', '_' and '-', as in prod; or a path that ends in .yaml",
        )
    try:
        if target.parent == places()[-1]:
            target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise BadParameters(f"{target} exists", "choose another name, or edit it")
        if not target.parent.is_dir():
            raise BadParameters(f"there is no folder {target.parent}", "make it first")
        shutil.copyfile(EXAMPLE, target)
    except OSError as error:
        raise BadParameters(
            f"{target} cannot be written: {error.strerror}", "mend that, or name another path"
        ) from None
    typer.echo(f"{target} is written. Fill it in, then: pgha run verify {name}")


def _typed_again(words: list[str] | None, file: Path | None, within: str) -> list[str]:
    """The options of a run, for a process of its own."""
    typed = [word for one in words or () for word in ("-p", one)]
    typed += ["-f", str(file)] if file else []
    return typed + (["--cell-timeout", within] if within else [])


def _given(pair: str, words: list[str] | None, file: Path | None) -> dict[str, Any]:
    """Parameters from -f and -p, the latter winning. Raises BadParameters."""
    given: dict[str, Any] = {}
    if file is not None:
        from .run.parameters.yaml_file import read_yaml

        given = read_yaml(file)
    typed: dict[str, str] = {}
    for word in words or []:
        key, equals, value = word.partition("=")
        if not equals:
            raise BadParameters(f"-p {word!r} has no value", "write -p key=value")
        if shown(key) in typed:
            raise BadParameters(f"-p {shown(key)} is given twice", "leave one of them out")
        typed[shown(key)] = shown(value)
    return {**given, **typed, "pair": pair}


def main() -> None:
    """Run the command, and end the process: everything is let go, and to tear a thousand modules
    down takes 0.2 s.
    """
    gc.set_threshold(100_000)  # ten thousand records: a fifth of the time was a search for garbage
    courtesy.take_over()
    code = _code()
    _tell_others()
    _end_telling()
    courtesy.last_words()
    os._exit(code)


def _tell_others() -> None:
    """Send what the command has to tell to those who are not here, after it has told it here."""
    if outbox.attended:
        from .monitoring.telling import tell_all

        with suppress(KeyboardInterrupt):  # whoever does not wait: it is kept
            tell_all(outbox.attended.values())


def _end_telling() -> None:
    """Where -v was typed, tell the rest."""
    if "pgha_helpers.run.verbose" in sys.modules:
        from .run.verbose import end_telling

        end_telling()


def _code() -> int:
    """The exit code of the command; a fault is a sentence, not a traceback."""
    try:
        return app(standalone_mode=False) or 0
    except (typer.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except SystemExit as ended:  # a signal, or the help
        return ended.code if isinstance(ended.code, int) else 0
    except HaError as error:
        return _complain(error)
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        # typer keeps click to itself, so its errors have no public name
        if "UsageError" not in kinds:
            return _confess(error)
        if _is_plugin():
            return _answer_unknown(error.format_message())  # type: ignore[attr-defined]
        error.show()  # type: ignore[attr-defined]
        return BAD_PARAMETERS


def _is_plugin() -> bool:
    """Whether a monitoring system asks: it reads stdout alone, and knows exit codes up to 3."""
    return {"status", "--nagios"} <= set(sys.argv[1:])


def _answer_unknown(words: str) -> int:
    print(f"PGHA UNKNOWN: {' '.join(_scrubbed(words).replace('|', '/').split())}")
    return EXIT_CODES["unknown"]


def _complain(error: HaError) -> int:
    if _is_plugin():
        return _answer_unknown(str(error))
    _say(f"{type(error).__name__}: {error}")
    return BAD_PARAMETERS if isinstance(error, BadParameters) else REFUSED


def _confess(error: Exception) -> int:
    """One sentence, and the traceback in a file: at 3 am a wall of it helps nobody, and later it
    helps whoever mends.

    Its exit code is Nagios's unknown: 1 would be a mere warning.
    """
    words = unforeseen(error) or f"{type(error).__name__}: {error}"
    if _is_plugin():
        _answer_unknown(words)
    try:
        number, name = tempfile.mkstemp(".traceback", "pgha-")
        Path(name).write_text(
            _scrubbed("".join(traceback.format_exception(error))), "utf-8", "backslashreplace"
        )
        os.close(number)
    except OSError as full:
        name = f"lost: {full}"
    _say(
        f"{words}\n  What to do: `pgha run verify PAIR` says how things stand. For whoever "
        f"mends pgha: {name}"
    )
    return EXIT_CODES["unknown"]


def _say(words: str) -> None:
    print(_scrubbed(words), file=sys.stderr)


def _scrubbed(words: str) -> str:
    from .run.redaction import Redactor, secrets_of

    return Redactor(secrets_of()).text(words)


if __name__ == "__main__":
    main()
