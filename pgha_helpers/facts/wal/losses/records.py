"""What pg_waldump says, line by line, and which transactions it makes.

Pure, and its memory does not grow with the WAL. A record bears the id of the transaction, or of the
subtransaction, that wrote it. A COMMIT names the subtransactions that committed with it; one that
was rolled back has an ABORT of its own, or is named nowhere. So rows are gathered by id, and belong
to somebody only when his COMMIT names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ....model import Lsn
from ....model.losses import LostTransaction, PreparedAfterFork, Relation, Rows
from ....model.positions import there
from ..by_bytes import behind

_RECORD = re.compile(
    r"rmgr: (\S+) +len \(rec/tot\): +\d+/ *(\d+), tx: +(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), prev "
    r"\S+ desc: (.*)"
)
_BLOCK = re.compile(r"rel (\d+)/(\d+)/(\d+)")
_TUPLES = re.compile(r"MULTI_INSERT\S* (?:ntuples: (\d+)|(\d+) tuples)")
# XLH_DELETE_IS_SUPER: an insertion that is taken back
_SPECULATIVE = re.compile(r"flags:? 0x[0-9A-F]?[89A-F],? ")
_TIME = r"(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC"
_ENDED = re.compile(rf"(?:COMMIT|ABORT)(?:_PREPARED (\d+):)? {_TIME}")
_PREPARE = re.compile(rf"PREPARE gid (.*): {_TIME}(.*)", re.DOTALL)
_SUBXACTS = re.compile(r"; subxacts:((?: \d+)+)")
_RELS = re.compile(r"; rels:((?: [^\s;]+)+)")
_FILE = re.compile(r"(?:base/(\d+)|pg_tblspc/(\d+)/[^/]+/(\d+)|(global))/(\d+)")
_RUNNING = re.compile(r"RUNNING_XACTS nextXid (\d+) latestCompletedXid \d+ oldestRunningXid (\d+)")
_SHUTDOWN = re.compile(r"CHECKPOINT_SHUTDOWN .*?; xid \d+:(\d+);")
_NEW_DATABASE = re.compile(r"CREATE\S* (?:copy dir .* to|create dir) (\d+)/(\d+)")
_COLUMN = {"INSERT": 0, "UPDATE": 1, "HOT_UPDATE": 1, "DELETE": 2}


@dataclass(slots=True)
class _Open:
    """What one (sub)transaction has written so far."""

    wal: int = 0
    rows: dict[Relation, list[int]] = field(default_factory=dict)


class Reader:
    """Reads records in their order; gives each transaction that commits after the fork.

    `bound` is a transaction id that nobody had when the reading began: whoever has an older one may
    have begun before. `created` and `databases` are the relations and databases that were made
    after the fork; `complaint` is what was said last that is no record.
    """

    def __init__(
        self, fork: Lsn, segment: int, headers: tuple[int, int, int] = (24, 40, 0)
    ) -> None:
        self.complaint = ""
        self.bound: int | None = None
        self.created: set[Relation] = set()
        self.databases: set[int] = set()
        self._fork, self._segment, self._begin = fork, segment, ""
        self._headers = headers
        self._last: tuple[str, ...] | None = None
        self._open: dict[int, _Open] = {}
        self._prepared: dict[int, PreparedAfterFork] = {}

    def read(self, line: str) -> LostTransaction | None:
        """Take one line of pg_waldump.

        Gives the transaction that it commits, if it lies after the fork.
        """
        found = _RECORD.match(line)
        if found is None:
            self.complaint = line
            return None
        manager, length, tx, at, words = self._last = found.groups()
        self._begin = self._begin or at
        begin = Lsn.parse(at)
        if (
            begin < self._fork < self.end
        ):  # where no record ends it has this one alone (10.19, 14.1)
            self._fork = begin
        xid = int(tx)
        if xid:
            self._of(xid).wal += int(length)
        if manager in ("Heap", "Heap2"):
            self._rows(xid, words)
        elif manager == "Transaction":
            return self._transaction(xid, begin, int(length), words)
        elif manager in ("Standby", "XLOG"):
            self._running(words)
        elif words.startswith("CREATE") and begin >= self._fork:
            self._made(words)
        return None

    @property
    def end(self) -> Lsn:
        """Where the last record that was read ends, and the next would begin."""
        if self._last is None:
            return Lsn(0)
        _, length, _, at, words = self._last
        end = behind(Lsn.parse(at), int(length), self._segment, self._headers)
        if not words.startswith("SWITCH"):
            return end
        segments = -(-int(end) // self._segment)  # the rest of its segment is left empty
        return there(Lsn(segments * self._segment), self._segment)

    @property
    def undecided(self) -> tuple[PreparedAfterFork, ...]:
        """What was prepared after the fork and is prepared still."""
        return tuple(one for one in self._prepared.values() if one.prepared >= self._fork)

    def _of(self, xid: int) -> _Open:
        found = self._open.get(xid)
        if found is None:
            found = self._open[xid] = _Open()
        return found

    def _rows(self, xid: int, words: str) -> None:
        verb = words.partition(" ")[0].partition("+")[0]
        column = _COLUMN.get(verb)
        count = 1
        if verb == "MULTI_INSERT" and (tuples := _TUPLES.match(words)):
            column = 0
            count = int(tuples[1] or tuples[2])
        if not xid or column is None:
            return
        block = _BLOCK.search(words)
        if block is None:
            return
        if verb == "DELETE" and _SPECULATIVE.search(words):
            column, count = 0, -1
        relation = Relation(*map(int, block.groups()))
        rows = self._of(xid).rows.setdefault(relation, [0, 0, 0])
        rows[column] += count

    def _transaction(self, xid: int, lsn: Lsn, length: int, words: str) -> LostTransaction | None:
        if words.startswith("PREPARE"):
            self._prepare(xid, lsn, words)
        ended = _ENDED.match(words)
        if ended is None:
            return None
        top = int(ended[1] or xid)
        subs = _ids(words)
        prepared = self._prepared.pop(top, None)
        parts = self._take([top, *subs])
        if lsn < self._fork or words.startswith("ABORT"):
            return None
        if top != xid:
            parts.append(_Open(length))  # a COMMIT PREPARED is written by nobody's transaction
        gid = None
        if ended[1]:
            gid = prepared.gid if prepared else ""
        return LostTransaction(
            top,
            lsn,
            f"{ended[2]}T{ended[3]}Z",
            sum(part.wal for part in parts),
            _sum(parts),
            tuple(subs),
            _files(words),
            gid,
            self._why_not(top),
        )

    def _take(self, ids: Iterable[int]) -> list[_Open]:
        parts = [self._open.pop(xid, None) for xid in ids]
        return [part for part in parts if part is not None]

    def _why_not(self, xid: int) -> str:
        if self.bound is None or precedes(xid, self.bound):
            return f"it may have begun before {self._begin}, where the reading began"
        return ""

    def _prepare(self, xid: int, lsn: Lsn, words: str) -> None:
        found = _PREPARE.match(words)
        # up to 12 no more is told; later ones: a line break in its gid, and the rest is no record
        if found is None:
            gid = ""
            if words.startswith("PREPARE gid "):
                gid = words.removeprefix("PREPARE gid ") + "…"
            self._prepared[xid] = PreparedAfterFork(xid, gid, lsn, "")
            return
        ids = [xid, *_ids(found[4])]
        parts = [self._open[one] for one in ids if one in self._open]
        when = f"{found[2]}T{found[3]}Z"
        self._prepared[xid] = PreparedAfterFork(xid, found[1], lsn, when, _sum(parts))

    def _running(self, words: str) -> None:
        if found := _RUNNING.match(words):
            self._bounded(int(found[1]))
            oldest = int(found[2])
            ended = [xid for xid in self._open if precedes(xid, oldest)]
            for xid in ended:
                del self._open[xid]  # it ended with a crash, and nothing ever told so
        elif found := _SHUTDOWN.match(words):
            self._bounded(int(found[1]))

    def _bounded(self, next_xid: int) -> None:
        """The first such number is good.

        The id that was next there was not older where the reading began.
        """
        if self.bound is None:
            self.bound = next_xid

    def _made(self, words: str) -> None:
        # 15 and older name the database first, 16 and later the tablespace
        if found := _NEW_DATABASE.match(words):
            self.databases |= {int(found[1]), int(found[2])}
        elif file := _FILE.search(words):
            self.created.add(_relation(file))


def precedes(one: int, other: int) -> bool:
    """Whether a transaction id is older than another; they go round.

    >>> precedes(3, 4), precedes(4, 4), precedes(2**32 - 5, 3)
    (True, False, True)
    """
    return (one - other) % 2**32 > 2**31


def _ids(words: str) -> list[int]:
    found = _SUBXACTS.search(words)
    if found is None:
        return []
    return [int(word) for word in found[1].split()]


def _files(words: str) -> tuple[Relation, ...]:
    """The files that a COMMIT removes.

    Those of temporary tables have another form of name, and are left out.
    """
    found = _RELS.search(words)
    if found is None:
        return ()
    files = [_FILE.fullmatch(word) for word in found[1].split()]
    return tuple(_relation(file) for file in files if file)


def _relation(file: re.Match[str]) -> Relation:
    base, tablespace, database, shared, filenode = file.groups()
    if shared:
        return Relation(1664, 0, int(filenode))
    return Relation(int(tablespace or 1663), int(base or database), int(filenode))


def _sum(parts: Iterable[_Open]) -> tuple[tuple[Relation, Rows], ...]:
    sums: dict[Relation, list[int]] = {}
    for part in parts:
        for relation, rows in part.rows.items():
            before = sums.get(relation, [0, 0, 0])
            sums[relation] = [a + b for a, b in zip(before, rows, strict=True)]
    changed = [(relation, Rows(*rows)) for relation, rows in sums.items() if any(rows)]
    return tuple(sorted(changed))
