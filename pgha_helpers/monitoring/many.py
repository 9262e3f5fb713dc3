"""`pgha run verify --all`: a process of its own for each pair, one summary, one exit code."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..model.errors import BadParameters
from ..model.foreign import text_of
from ..model.show import Table
from ..records.making.outcome import EXIT_CODES
from ..run.checkout import EXAMPLE, environment, python
from ..run.finding import known_pairs

#: Of several, the one to act on first; whatever else a process ends with comes after critical.
_ORDER = (
    EXIT_CODES["critical"],
    None,
    *(EXIT_CODES[end] for end in ("unknown", "warning", "done")),
)
_WORDS = {code: end for end, code in EXIT_CODES.items() if end not in ("already so", "rehearsed")}


@dataclass(frozen=True)
class PairRun:
    """How the run of one pair has ended, and what it has printed."""

    pair: str
    code: int
    said: str

    @property
    def headline(self) -> str:
        """Its first line, without the name of the pair."""
        first = next(iter(self.said.splitlines()), "")
        return first.removeprefix(f"{self.pair}: ")


def run_each(
    notebook: str, pairs: Sequence[str], words: Sequence[str], jobs: int
) -> Iterator[PairRun]:
    """Run a notebook on each pair, `jobs` of them at a time; gives them in the order of `pairs`."""

    def one(pair: str) -> PairRun:
        command = python("pgha_helpers", "run", notebook, pair, *words)
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, env=environment(), **streams)  # type: ignore[call-overload]
        return PairRun(pair, done.returncode, text_of(done.stdout))

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, pairs)


def worst_code(runs: Iterable[PairRun]) -> int:
    """The exit code of them all.

    >>> worst_code([PairRun("a", 0, ""), PairRun("b", 3, ""), PairRun("c", 4, "")])
    4
    """
    return min((run.code for run in runs), key=_urgency, default=0)


def _urgency(code: int) -> int:
    return _ORDER.index(code) if code in _ORDER else _ORDER.index(None)


def summary(runs: Sequence[PairRun]) -> str:
    """A row for each pair, the worst first, and then what those have printed that are not well."""
    ordered = sorted(runs, key=lambda run: _urgency(run.code))
    rows = [
        (run.pair, _WORDS.get(run.code, f"exit code {run.code}"), run.headline) for run in ordered
    ]
    bad = [run for run in ordered if run.code]
    told = [f"\n{run.pair}:\n{run.said.rstrip()}" for run in bad]
    well = len(runs) - len(bad)
    return "\n".join(
        [f"{well} of {len(runs)} pairs are well.", str(Table(("pair", "", ""), rows)), *told]
    )


def run_all(notebook: str, pair: str, given: list[str], jobs: int) -> tuple[str, int]:
    """The summary and the exit code of them all. Raises BadParameters."""
    if notebook != "verify":
        raise BadParameters(f"--all with {notebook}", "a change is made on one pair: name it")
    words = [word for one in given for word in ("-p", one)]
    runs = list(run_each(notebook, pairs_asked([pair] if pair else [], True), words, jobs))
    return summary(runs), worst_code(runs)


def pairs_asked(pairs: list[str], every: bool) -> list[str]:
    """The pairs that are asked for. Raises BadParameters where it is none, or both."""
    if bool(pairs) == every:
        raise BadParameters("which pair?", "name one or several, or write --all for every one")
    if pairs:
        return list(dict.fromkeys(pairs))
    if found := [name for name in known_pairs() if name != EXAMPLE.stem]:
        return found
    raise BadParameters("there is no pair file", "pgha init NAME writes one to fill in")
