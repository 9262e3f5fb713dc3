"""A base backup by the low-level API, held open in one session of its own.

When that is lost, the backup is void.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from ....model import DeedKind, Running, dialect
from ....model.errors import NotAchieved, QueryFailed, Unreachable
from ....run.run import Run

_VOID = "the copy was not made usable; run this notebook again"


@dataclass(frozen=True)
class BackupFiles:
    """What the server wants beside the copied files.

    backup_label, and tablespace_map or an empty text.
    """

    label: str
    tablespace_map: str


class Backup:
    """`with Backup(run, source) as backup: ...; files = backup.stop()`.

    Never exclusive: it dies with its session.
    """

    def __init__(self, run: Run, source: Running) -> None:
        self._run, self._source = run, source
        self._new = dialect.has("pg_backup_start", source.version // 10000)
        self._session = run.doors[source.node].session(run.pair.database)

    def __enter__(self) -> Backup:
        run = self._run
        node = self._source.node
        within = run.timeouts.checkpoint
        start = "pg_backup_start(%s, true)" if self._new else "pg_start_backup(%s, true, false)"
        try:
            with run.deed(node, "begin a base backup (with a checkpoint)", DeedKind.BEGIN_BACKUP):
                if dialect.has("idle_session_timeout", self._source.version // 10000):
                    self._session.do("select set_config('idle_session_timeout', '0', false)")
                # the last statement of the session, and so what verify knows it by
                self._session.do(f"select {start}", [f"pgha {run.id}"], within=within)
        except BaseException:
            self._session.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._session.close()  # the server ends a backup that was not stopped

    def stop(self) -> BackupFiles:
        """End the backup, without a wait for the archive.

        The standby streams what it needs, its slot keeps it. Raises NotAchieved where the session
        was lost: what was copied since is no backup.
        """
        stop = "pg_backup_stop(false)" if self._new else "pg_stop_backup(false, false)"
        with self._run.deed(self._source.node, "end the base backup", DeedKind.END_BACKUP):
            try:
                row = self._session.do(f"select labelfile, spcmapfile from {stop}")[0]
            except (QueryFailed, Unreachable) as error:
                # a session that was opened anew has no backup to stop
                raise NotAchieved(
                    f"the session that held the backup was lost: {error.what}", _VOID
                ) from None
            return BackupFiles(row["labelfile"], row["spcmapfile"] or "")
