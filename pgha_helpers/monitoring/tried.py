"""What ran on which version, and when: the last trial of each, and the page that tells it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..judgement.support import WAYS, Method, Support, supported
from ..model.dialect import NEWEST, OLDEST
from ..model.errors import BadParameters
from ..model.major import Major, majors_between, order

#: Written by `make trials versions`.
TRIED = Path(__file__).with_name("tried.json")
BEGIN, END = "<!-- support: by `pgha support --markdown` -->", "<!-- /support -->"


@dataclass(frozen=True)
class Trial:
    """The last trial of a version: its day, and the ways that were gone, as they are named."""

    version: str
    day: str
    ways: tuple[str, ...]

    def __str__(self) -> str:
        return f"run on {self.version}, {self.day}"


@cache
def last_trials() -> Mapping[Major, tuple[Trial, ...]]:
    """All of them, by major version, the newest minor version last."""
    told = json.loads(TRIED.read_text("utf-8"))
    found: dict[Major, list[Trial]] = {}
    for version, one in told.items():
        trial = Trial(version, one["day"], tuple(one["ways"]))
        found.setdefault(Major.parse(version), []).append(trial)
    return {
        major: tuple(sorted(each, key=lambda trial: order(trial.version)))
        for major, each in found.items()
    }


def how_known(way: Method, major: Major) -> str:
    """On which version it ran, or that the table alone says so."""
    ran = [trial for trial in last_trials().get(major, ()) if str(way) in trial.ways]
    return str(ran[-1]) if ran else "by the table only"


def _ways_of(major: Major) -> Iterator[str]:
    """A line for each way on one version, and one for each of its limits."""
    for way in WAYS:
        one = supported(way, major)
        yield f"  {way!s:18}  {one.kind} [{how_known(way, major)}]\n"
        yield from (f"{'':22}{words}\n" for words in one.because)


def support_in_words(version: str = "") -> str:
    """What is printed: one major version in words, or all of them. Raises BadParameters."""
    spoken = majors_between(OLDEST, NEWEST)
    if version:
        with contextlib.suppress(ValueError):
            spoken = tuple(one for one in spoken if one == Major.parse(version))
        if len(spoken) != 1:
            raise BadParameters(
                f"there is no PostgreSQL {version!r} here",
                f"it may be {', '.join(map(str, majors_between(OLDEST, NEWEST)))}",
            )
    return "\n".join(f"PostgreSQL {one}\n" + "".join(_ways_of(one)) for one in spoken)


def support_table() -> str:
    """All versions, a row each, and below what the numbers of its cells mean."""
    numbers: dict[str, int] = {}
    rows = [["version", *map(str, WAYS)], ["---"] * (len(WAYS) + 1)]
    for major in majors_between(OLDEST, NEWEST):
        cells = [_cell(supported(way, major), how_known(way, major), numbers) for way in WAYS]
        rows.append([f"**{major}**", *cells])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    meaning = "\n".join(f"{number}. {words}" for words, number in numbers.items())
    return f"{table}\n\n{meaning}\n"


def _cell(one: Support, known: str, numbers: dict[str, int]) -> str:
    for words in one.because:
        numbers.setdefault(words, len(numbers) + 1)
    why = ", ".join(str(numbers[words]) for words in one.because)
    kind = "limits" if one.kind == "with limits" else one.kind
    told = f"{kind} {why}" if why else kind
    return told if one.kind == "not possible" else f"{told}<br>{known.removeprefix('run on ')}"
