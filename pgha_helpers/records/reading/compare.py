"""Two runs side by side: what was asked or found differently, what took how long, and the lag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from ...model.errors import BadParameters
from ...model.lag_file import Samples, samples
from ...model.show import Table
from .entries import Entry
from .outages import outage
from .words import JsonObject, finite, listed, mark, minute, pairs_of, plain, seconds_of


@dataclass(frozen=True)
class Difference:
    """Something that the two runs tell differently; an empty side does not have it at all."""

    what: str
    a: str
    b: str


@dataclass(frozen=True)
class Timing:
    """How long the same thing took in each run, in seconds.

    None where it was not done, or failed.
    """

    what: str
    a: float | None
    b: float | None
    where: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as long the second run took.

        Nothing unless both did it in a time that can be measured.
        """
        if not self.a or not self.b:
            return None
        if min(self.a, self.b) <= 0:
            return None
        return self.b / self.a

    @property
    def told(self) -> str:
        """The ratio as a person reads it.

        >>> Timing("promote", 0.04, 0.1).told, Timing("promote", None, 0.1).told
        ('2.5 x', '')
        """
        if self.ratio is None:
            return ""
        return f"{self.ratio:.2g} x" if self.ratio < 10 else f"{self.ratio:.0f} x"


@dataclass(frozen=True)
class Comparison:
    """Two records and all in which they differ. `notes` say what could not be compared, and why."""

    a: Entry
    b: Entry
    parameters: tuple[Difference, ...]
    settings: tuple[Difference, ...]
    verdicts: tuple[Difference, ...]
    deeds: tuple[Timing, ...]
    totals: tuple[Timing, ...]
    lags: tuple[Samples, Samples]
    notes: tuple[str, ...]

    def text(self) -> str:
        """For a terminal."""
        parts = [str(Table(("", "A", "B"), list(_heads(self.a, self.b))))]
        for title, differences in self.parts:
            rows = [
                (plain(d.what), plain(d.a, 60) or "-", plain(d.b, 60) or "-") for d in differences
            ]
            told = str(Table(("", "A", "B"), rows)) if rows else "no difference"
            parts.append(f"{title}\n{told}")
        timings = [_timing_row(timing) for timing in (*self.deeds, *self.totals)]
        durations = Table(("node", "step", "         A", "         B", "B to A"), timings)
        parts.append(f"Durations\n{durations}")
        lag = Table(("", "A", "B"), list(_lag_rows(self.lags)))
        parts.append(f"Lag\n{lag}")
        parts += [f"Note: {note}." for note in self.notes]
        return "\n\n".join(parts)

    def as_json(self) -> dict[str, object]:
        """For programs: seconds and bytes as numbers."""
        worst = [{unit: lag.worst(unit) for unit in ("bytes", "seconds")} for lag in self.lags]
        return {
            "a": self.a.as_json(),
            "b": self.b.as_json(),
            **{title.lower(): list(map(asdict, found)) for title, found in self.parts},
            "durations": [asdict(timing) for timing in (*self.deeds, *self.totals)],
            "worst_lag": dict(zip("ab", worst, strict=True)),
            "notes": list(self.notes),
        }

    @property
    def parts(self) -> tuple[tuple[str, tuple[Difference, ...]], ...]:
        """The three kinds of differences, with their titles."""
        return (
            ("Parameters", self.parameters),
            ("Settings", self.settings),
            ("Verdicts", self.verdicts),
        )


def compare(a: Entry, b: Entry) -> Comparison:
    """Compare two records. Raises BadParameters if one of them cannot be told."""
    for entry in (a, b):
        if not entry.legible:
            why = f": {entry.why}" if entry.why else ""
            raise BadParameters(
                f"{entry.folder.name} cannot be compared, it is {entry.state}{why}",
                "choose another",
            )
    parameters = _differing(*(pairs_of(entry.told.get("parameters")) for entry in (a, b)))
    if _settings(a.told) and _settings(b.told):
        settings = _differing(_settings(a.told), _settings(b.told))
    else:
        settings = ()
    verdicts = _differing(_judged(a.told), _judged(b.told))
    totals = (
        Timing(
            "outage, by the runbook",
            finite(a.told.get("outage_seconds")),
            finite(b.told.get("outage_seconds")),
        ),
        *_as_seen(a.told, b.told),
        Timing("the whole run", seconds_of(a.told), seconds_of(b.told)),
    )
    lags = samples(a.folder), samples(b.folder)
    return Comparison(
        a,
        b,
        parameters,
        settings,
        verdicts,
        _timed(a.told, b.told),
        totals,
        lags,
        tuple(_notes(a, b)),
    )


def _as_seen(*told: JsonObject) -> Iterator[Timing]:
    """The outage as the canary saw it, where one of the two had a canary."""
    a, b = (finite(pairs_of(each.get("outage_as_seen")).get("seconds")) for each in told)
    if a is not None or b is not None:
        yield Timing("outage, by the canary", a, b)


def _notes(a: Entry, b: Entry) -> Iterator[str]:
    for letter, entry in (("A", a), ("B", b)):
        if not _settings(entry.told):
            yield f"{letter} recorded no settings, so they are not compared"
        if not samples(entry.folder).at:
            yield f"{letter} sampled no lag"
        if pairs_of(entry.told.get("outage")).get("at_least"):
            yield f"the outage of {letter} is known only as {outage(entry.told)}"
        if entry.state != "ended":
            yield f"{letter} has no end: it is {entry.state}"
    if a.told["notebook"] != b.told["notebook"]:
        yield f"A is a {a.told['notebook']} and B a {b.told['notebook']}"
    ids = a.told.get("system_id"), b.told.get("system_id")
    if all(ids) and ids[0] != ids[1]:
        yield f"the two ran on different systems, {ids[0]} and {ids[1]}"


def _settings(told: JsonObject) -> dict[str, Any]:
    """Settings of both nodes in one mapping: the node's name before the setting's."""
    nodes = pairs_of(told.get("settings"))
    both: dict[str, Any] = {}
    for node, found in nodes.items():
        both |= {f"{node} {name}": value for name, value in pairs_of(found).items()}
    return both


def _judged(told: JsonObject) -> dict[str, str]:
    """Title -> level and reason. Values differ in every run, so alone they make no difference."""
    judged = {}
    for verdict in listed(told.get("verdicts")):
        words = [str(verdict[key]) for key in ("level", "reason") if verdict.get(key)]
        judged[str(verdict.get("title"))] = ": ".join(words)
    return judged


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Difference, ...]:
    keys = dict.fromkeys([*a, *b])
    told = (Difference(key, _text(a.get(key)), _text(b.get(key))) for key in keys)
    return tuple(difference for difference in told if difference.a != difference.b)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _timed(a: JsonObject, b: JsonObject) -> tuple[Timing, ...]:
    """The deeds of both runs in order, the same ones side by side.

    They are the same when they are of the same kind and came to the same end, on whichever node: a
    switchover and the way back are compared, too.
    """
    deeds = listed(a.get("deeds")), listed(b.get("deeds"))
    keys = [_key(deed) for deed in deeds[0]], [_key(deed) for deed in deeds[1]]
    found: list[Timing] = []
    for same, a0, a1, b0, b1 in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if same == "equal":
            both = zip(deeds[0][a0:a1], deeds[1][b0:b1], strict=True)
            found += [_timing(left, right) for left, right in both]
        else:
            found += [_timing(deed, None) for deed in deeds[0][a0:a1]]
            found += [_timing(None, deed) for deed in deeds[1][b0:b1]]
    return tuple(found)


def _key(deed: JsonObject) -> tuple[object, ...]:
    return deed.get("kind"), bool(deed.get("changed")), "error" in deed


def _timing(a: JsonObject | None, b: JsonObject | None) -> Timing:
    both = [deed for deed in (a, b) if deed is not None]
    nodes = dict.fromkeys(str(deed.get("node")) for deed in both)
    did = str(both[0].get("did"))
    if "/" in did:
        did = did.split(":")[0]
    return Timing(did, _lasted(a), _lasted(b), " / ".join(nodes))


def _timing_row(timing: Timing) -> tuple[str, ...]:
    what = plain(timing.what, 80)
    return timing.where, what, _clock(timing.a), _clock(timing.b), timing.told


def _lasted(deed: JsonObject | None) -> float | None:
    if deed is None or "error" in deed:
        return None
    return finite(deed.get("seconds"))


def _heads(a: Entry, b: Entry) -> Iterator[tuple[str, str, str]]:
    for name in ("run", "notebook", "pair", "operator", "reason"):
        yield name, plain(a.told.get(name), 50), plain(b.told.get(name), 50)
    yield "began", minute(a.told["began"]), minute(b.told["began"])
    yield "outcome", _outcome(a), _outcome(b)


def _outcome(entry: Entry) -> str:
    return plain(f"{mark(entry.told)} {entry.told['outcome']}")


def _lag_rows(lags: tuple[Samples, Samples]) -> Iterator[tuple[str, str, str]]:
    a, b = lags
    yield "samples", str(len(a.at)), str(len(b.at))
    yield "most bytes behind", a.most("bytes") or "-", b.most("bytes") or "-"
    yield "longest delay", a.most("seconds") or "-", b.most("seconds") or "-"


def _clock(seconds: float | None) -> str:
    return f"{'-':>10}" if seconds is None else f"{seconds:8.3f} s"
