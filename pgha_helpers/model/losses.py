"""What a loser had: the transactions that it committed after the fork, and that nobody else has."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from . import show
from .positions import Lsn, Position

FIRST_NORMAL = 16384  # FirstNormalObjectId: what has a lower number was made by initdb
SHOWN = 20  # transactions in the table; the CSV has all
CSV_HEAD = (
    *("xid", "gid", "committed_at", "commit_lsn", "database", "table", "kind", "relation"),
    *("inserted", "updated", "deleted", "wal_bytes", "subtransactions", "complete", "why_not"),
)


class Relation(NamedTuple):
    """A relation as WAL names it: by the file that holds it. A database of 0 is all of them."""

    tablespace: int
    database: int
    filenode: int

    def __str__(self) -> str:
        return f"{self.tablespace}/{self.database}/{self.filenode}"


class Rows(NamedTuple):
    """Rows of one relation, as WAL has them: an update of a partition key is a deletion and an
    insertion.
    """

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)

    def __str__(self) -> str:
        return " ".join(f"{sign}{n}" for sign, n in zip("+~-", self, strict=True) if n)


class RelationName(NamedTuple):
    """What a relation is called, and what it is: a table, a catalog, toast, or something else
    without rows.
    """

    text: str
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class LostTransaction:
    """One transaction whose COMMIT (or COMMIT PREPARED) lies after the fork.

    `at` is when it committed, as its WAL tells it (UTC, ISO 8601 with Z); `wal` the bytes of its
    records; `subtransactions` those that committed with it; `dropped` the files that its commit
    removed (TRUNCATE, DROP, or a command that rewrote the table). `gid` is None if it was not
    prepared, and empty where nobody tells it. `why_not` says why its rows may be more than these,
    and is empty if they are all.
    """

    xid: int
    commit: Lsn
    at: str
    wal: int
    rows: tuple[tuple[Relation, Rows], ...] = ()
    subtransactions: tuple[int, ...] = ()
    dropped: tuple[Relation, ...] = ()
    gid: str | None = None
    why_not: str = ""

    @property
    def complete(self) -> bool:
        """Whether its records were read back to its begin."""
        return not self.why_not


@dataclass(frozen=True, slots=True)
class PreparedAfterFork:
    """A transaction that was prepared after the fork, and neither committed nor rolled back."""

    xid: int
    gid: str
    prepared: Lsn
    at: str
    rows: tuple[tuple[Relation, Rows], ...] = ()


@dataclass(frozen=True, repr=False)  # shown by its table
class Losses(show.Shown):
    """What `node` committed from the fork to the end of its WAL; read from `start`, to find where
    it had begun.

    `count`, `totals`, `wal`, `first` and `last` are of all transactions; `transactions` holds no
    more than the first thousands, so that it fits into memory however much was lost. `end` is where
    the last record ends. `unread` says what could not be read. `segment` is the bytes of one file
    of WAL; rows of unlogged and temporary tables are in none.
    """

    node: str
    fork: Position
    start: Lsn
    end: Position
    segment: int
    count: int = 0
    incomplete: int = 0
    wal: int = 0
    first: str = ""
    last: str = ""
    totals: Mapping[Relation, Rows] = field(default_factory=dict)
    transactions: tuple[LostTransaction, ...] = ()
    undecided: tuple[PreparedAfterFork, ...] = ()
    unread: tuple[str, ...] = ()
    names: Mapping[Relation, RelationName] = field(default_factory=dict)
    databases: Mapping[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n".join([str(self.table()), self.sentence, *self.unread])

    @property
    def sentence(self) -> str:
        """All of it on one line."""
        tables = [
            rows.total for relation, rows in self.totals.items() if self.kind(relation) == "table"
        ]
        if not self.count:
            was = "is known to have been" if self.unread else "was"
            told = [f"no transaction {was} committed on {self.node} after {self.fork}"]
        else:
            at_least = "at least " if self.unread else ""
            when = f"between {self.first} and {self.last}" if self.count > 1 else f"at {self.first}"
            told = [
                at_least + _many(self.count, "transaction"),
                f"{_many(sum(tables), 'row')} in {_many(len(tables), 'table')}",
                f"{show.size(self.wal)} of WAL",
                f"committed {when}",
            ]
        if self.incomplete:
            told.append(f"of {self.incomplete} not every row could be read")
        if self.undecided:
            told.append(f"{_many(len(self.undecided), 'prepared transaction')} left undecided")
        return ", ".join(told)

    @property
    def some(self) -> bool:
        """Whether there is a transaction that only this node has."""
        return bool(self.count or self.undecided)

    def name(self, relation: Relation) -> str:
        """What a relation is called where that is known, else its number."""
        if relation in self.names:
            return self.names[relation].text
        return str(relation)

    def kind(self, relation: Relation) -> str:
        """What a relation is. One that nobody could name is taken for a table, unless initdb made
        it.
        """
        if relation in self.names:
            return self.names[relation].kind
        return "catalog" if relation.filenode < FIRST_NORMAL else "table"

    def database(self, lost: LostTransaction | PreparedAfterFork) -> str:
        """The database of a transaction, if it did anything in one."""
        oids = {relation.database for relation, _ in lost.rows if relation.database}
        oids |= {
            relation.database for relation in getattr(lost, "dropped", ()) if relation.database
        }
        return ", ".join(sorted(self.databases.get(oid, str(oid)) for oid in oids))

    def what(self, lost: LostTransaction | PreparedAfterFork) -> str:
        """What a transaction did, table by table."""
        told = [f"{self.name(r)} {rows}" for r, rows in lost.rows if self.kind(r) == "table"]
        catalogs = [
            self.name(r).removeprefix("pg_catalog.")
            for r, _ in lost.rows
            if self.kind(r) == "catalog"
        ]
        if catalogs:
            told.append(f"catalogs {', '.join(sorted(catalogs))}")
        gone = [r for r in getattr(lost, "dropped", ()) if self.kind(r) == "table"]
        told += [f"{self.name(r)} truncated, dropped or rewritten" for r in gone]
        return "; ".join(told) or "nothing but its commit"

    def table(self) -> show.Table:
        """The first transactions, and what is prepared."""
        rows = [self._row(lost) for lost in self.transactions[:SHOWN]]
        if self.count > len(rows):
            rows.append(("…", f"{self.count - len(rows)} more", "", "", "", ""))
        for one in self.undecided:
            rows.append(
                (
                    str(one.xid),
                    "undecided",
                    self.database(one),
                    self.what(one),
                    "",
                    _prepared(one.gid),
                )
            )
        return show.Table(
            ("xid", "committed", "database", "rows (+inserted ~updated -deleted)", "WAL", ""), rows
        )

    def _row(self, lost: LostTransaction) -> tuple[str, ...]:
        notes = "; ".join(
            filter(None, [_prepared(lost.gid) if lost.gid is not None else "", lost.why_not])
        )
        return (
            str(lost.xid),
            lost.at,
            self.database(lost),
            self.what(lost),
            show.size(lost.wal),
            notes,
        )

    def csv(self, transactions: tuple[LostTransaction, ...] | None = None) -> str:
        """Lines of CSV without a head, one for each relation of each transaction, all that are
        listed or those given.

        The bytes of WAL stand on the first line of a transaction only, so that a column can be
        summed.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for lost in self.transactions if transactions is None else transactions:
            writer.writerows(map(_plain, line) for line in self._lines(lost))
        return text.getvalue()

    def _lines(self, lost: LostTransaction) -> Iterator[tuple[object, ...]]:
        head = (lost.xid, "" if lost.gid is None else lost.gid, lost.at, str(lost.commit))
        tail = (
            " ".join(map(str, lost.subtransactions)),
            "yes" if lost.complete else "no",
            lost.why_not,
        )
        told = [(self._naming(relation, ""), rows) for relation, rows in lost.rows]
        told += [(self._naming(relation, ", file removed"), Rows()) for relation in lost.dropped]
        for number, (naming, rows) in enumerate(told or [(("",) * 4, Rows())]):
            yield (*head, *naming, *rows, "" if number else lost.wal, *tail)

    def _naming(self, relation: Relation, what: str) -> tuple[str, ...]:
        database = self.databases.get(relation.database, str(relation.database or ""))
        return database, self.name(relation), self.kind(relation) + what, str(relation)


def _plain(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: databases and gids may be called anything.

    >>> _plain("=1+1"), _plain("app"), _plain(-1)
    ("'=1+1", 'app', -1)
    """
    if isinstance(cell, str) and cell.startswith(tuple("=+-@\t\r")):
        return f"'{cell}"
    return cell


def _prepared(gid: str) -> str:
    """Its gid, where that is known: pg_waldump tells it from 13 on."""
    return f"prepared as {gid!r}" if gid else "prepared"


def _many(count: int, what: str) -> str:
    """A number and its noun.

    >>> _many(1, "row"), _many(2500, "row")
    ('1 row', '2,500 rows')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"
