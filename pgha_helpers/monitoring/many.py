"""`pgha run` in processes of their own: every pair with one summary, or told if it is news."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..judgement.notices import VerifyOutcome, news_of_verdict
from ..model import Pair
from ..model.errors import BadParameters, HaError
from ..model.foreign import ODD, text_of
from ..model.show import Table
from ..records.making.earlier_runs import verdict_of, verdicts_given
from ..records.making.outcome import EXIT_CODES
from ..run.checkout import EXAMPLE, environment, python
from ..run.finding import known_pairs
from ..run.journal import read
from ..run.parameters.pair_file import load_pair

#: Of several, the one to act on first; whatever else a process ends with comes after critical.
_ORDER = (
    EXIT_CODES["critical"],
    None,
    *(EXIT_CODES[end] for end in ("unknown", "warning", "done")),
)
_WORDS = {code: end for end, code in EXIT_CODES.items() if end not in ("already so", "rehearsed")}


_RECORD = re.compile(r"Record: (/.*)$", re.MULTILINE)


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
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda pair: _run(notebook, pair, words), pairs)


def _run(notebook: str, pair: str, words: Sequence[str]) -> PairRun:
    command = python("pgha_helpers", "run", notebook, pair, *words)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, env=environment(), **streams)  # type: ignore[call-overload]
    return PairRun(pair, done.returncode, text_of(done.stdout))


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


def run_all(notebook: str, pair: str, words: Sequence[str], jobs: int) -> tuple[str, int]:
    """The summary and the exit code of them all. Raises BadParameters."""
    if notebook != "verify":
        raise BadParameters(f"--all with {notebook}", "a change is made on one pair: name it")
    runs = list(run_each(notebook, pairs_asked([pair] if pair else [], True), words, jobs))
    return f"{summary(runs)}\n", worst_code(runs)


def pairs_asked(pairs: list[str], every: bool) -> list[str]:
    """The pairs that are asked for. Raises BadParameters where it is none, or both."""
    if bool(pairs) == every:
        raise BadParameters(
            "which pair?", "name one or several, or write --all alone for every one"
        )
    if pairs:
        return list(dict.fromkeys(pairs))
    if found := [name for name in known_pairs() if name != EXAMPLE.stem]:
        return found
    raise BadParameters("there is no pair file", "pgha init NAME writes one to fill in")


def run_for_news(notebook: str, pair: str, words: Sequence[str]) -> tuple[str, int]:
    """What a run has printed if it is news, else nothing; and its exit code. Raises BadParameters.

    A verify is news by the same rule as a notice: its verdict differs from that of the run before,
    or has been bad for another day. Of anything else a good end is none.
    """
    found = load_pair(pair)
    done = _run(notebook, pair, words)
    is_news = _is_news(found, done.said) if notebook == "verify" else done.code != 0
    return (done.said if is_news else ""), done.code


def _is_news(pair: Pair, said: str) -> bool:
    """Whether the verdict of a verify is, by what the run has said; also where there is none."""
    named = _RECORD.findall(said)
    if not named:
        return True
    folder = Path(named[-1])
    with suppress(OSError, HaError, *ODD):
        outcome, worst = verdict_of(read(folder))
        now = VerifyOutcome(time.time(), outcome, worst)
        return news_of_verdict(now, verdicts_given(pair, folder.name)) is not None
    return True


def run_apart(notebook: str, pair: str, words: Sequence[str], jobs: int) -> tuple[str, int]:
    """Every pair by so many `jobs`, or one of which only news is told; what is to be printed, and
    the exit code. Raises BadParameters.
    """
    if jobs:
        told, code = run_all(notebook, pair, words, jobs)
    else:
        told, code = run_for_news(notebook, pair, words)
    return told, code
