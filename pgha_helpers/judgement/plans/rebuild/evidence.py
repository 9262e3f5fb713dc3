"""What decides a rebuild: gathered by facts, judged here. Whatever could not be read counts as
unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import median

from ....model import Lsn, Position
from ....model.host import Start
from ....model.losses import Losses
from ....model.units import MB
from ..copying import Copying


@dataclass(frozen=True)
class Rates:
    """Bytes per second of each method, and where the numbers are from.

    `clone`: of the databases copied, verified and synced; `rsync`: of the databases compared, and
    made equal where they nearly are; `rewind`: of what pg_rewind copies, its rehearsal included.
    """

    clone: float = 140 * MB
    rsync: float = 250 * MB
    rewind: float = 160 * MB
    words: str = "rates assumed: clone 140 MB/s, rsync 250 MB/s, rewind 160 MB/s"

    @classmethod
    def measured(cls, found: Mapping[str, Sequence[Measured]]) -> Rates:
        """The median of what earlier runs of this pair measured, by method.

        Where there is none for a method it is assumed in proportion: a machine that clones at half
        of what is assumed will hardly rewind at all of it.

        >>> Rates.measured({"clone": [Measured("c0ffee00", 70 * MB, 1)]}).words
        ... # doctest: +NORMALIZE_WHITESPACE
        'rates of run c0ffee00: clone 70 MB/s; assumed in proportion: rsync 125 MB/s, rewind 80
        MB/s'
        """
        usual = {
            method.name: getattr(cls, method.name)
            for method in fields(cls)
            if method.name != "words"
        }
        rates = {name: median(one.rate for one in found[name]) for name in usual if found.get(name)}
        if not rates:
            return cls()
        share = median(rate / usual[name] for name, rate in rates.items())
        assumed = {name: rate * share for name, rate in usual.items() if name not in rates}
        runs = dict.fromkeys(one.run for name in rates for one in found[name])
        words = f"rates of run{'s' if len(runs) > 1 else ''} {', '.join(runs)}: {_told(rates)}"
        return cls(
            **rates,
            **assumed,
            words=words + (f"; assumed in proportion: {_told(assumed)}" if assumed else ""),
        )


@dataclass(frozen=True)
class Measured:
    """What an earlier run has measured: so many bytes in so many seconds."""

    run: str
    bytes: float
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.bytes / self.seconds


def _told(rates: Mapping[str, float]) -> str:
    told = [f"{method} {rate / MB:.0f} MB/s" for method, rate in rates.items()]
    return ", ".join(told)


@dataclass(frozen=True)
class Weights:
    """Bytes: of the primary's databases, of its whole pg_wal, of those files of that which the node
    has not, and of the node's WAL that a rewind has to read."""

    database: int = 0
    source_wal: int = 0
    new_wal: int = 0
    diverged: int = 0


@dataclass(frozen=True)
class Rewinding:
    """What only a rewind asks of the node and of its source.

    `another` says of which other version than the server pg_rewind is: it would rewind, and then
    refuse. `checkpoint` is the last one before the fork and `redo` where its replay begins;
    `missing` and `source_missing` are segments from there on that the node and the primary do not
    have.
    `strangers` are files in the data directory that PostgreSQL's user cannot write, does not own,
    or that are neither file nor directory; `unreadable` are those in the primary's that it cannot
    read. `source` says why the node cannot read the primary's files over SQL; it is empty where it
    can, and where that is not `granted` yet.
    """

    program: bool = True
    another: str = ""
    hints: bool = True
    strangers: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    checkpoint: Lsn | None = None
    redo: Lsn | None = None
    missing: tuple[str, ...] = ()
    source_missing: tuple[str, ...] = ()
    restore_command: str = ""
    tablespaces: tuple[str, ...] = ()  # of the primary, that the node does not have
    granted: bool = True
    source: str = ""
    config_outside: bool = False
    clean: bool = True


@dataclass(frozen=True)
class Evidence:
    """What WAL says of a node that might follow, and what each method would find.

    `its` and `ours` are the record at the node's last checkpoint as pg_waldump tells it on the node
    and on the primary, `gone` whether the primary has no such segment any more; `last` is the
    last byte of the node's own last record, on `timeline`, the newest of which it has WAL;
    without what is the primary's own, written after that was looked at. `same`: whether both have
    the same bytes of WAL before the fork, or before the node's end where that comes first; None
    where one of them has no such WAL. `parted` is the first record that only the node has, and
    `left` what it has committed from there on. `nothing` tells that its data directory is empty, or
    holds half a copy that was begun in nothing. `copying` is what a copy beside needs, None where
    nobody asked. `start` is what the node's own files would start, None without a cluster.
    `connection` says why the node cannot replicate from the primary, `rsync` why that is not
    possible, `road` how it would read the primary's files. `misdefined` says in what a standby that
    streams is not as we would write it down.
    """

    its: str = ""
    ours: str = ""
    last: Lsn | None = None
    gone: bool = True
    timeline: int = 0
    same: bool | None = None
    parted: Position | None = None
    left: Losses | None = None
    nothing: bool = False
    rewinding: Rewinding | None = None
    weights: Weights = field(default_factory=Weights)
    rates: Rates = field(default_factory=Rates)
    copying: Copying | None = None
    start: Start | None = None
    connection: str = ""
    road: str = ""
    misdefined: str = ""
    rsync: str = "it is not known whether the files of the other node can be reached"

    @property
    def agree(self) -> bool | None:
        """Whether the record at the node's last checkpoint is the primary's, too; None where that
        cannot be told.
        """
        if not self.its or (self.gone and not self.ours):
            return None
        return self.its == self.ours
