"""A base backup by the low-level API, held open in one session of its own.

When that is lost, the backup is void.
"""

from __future__ import annotations

import contextlib
import re
from types import TracebackType

from ....facts.queries import query
from ....model import DeedKind, Running, dialect
from ....model.errors import HaError, NotAchieved, QueryFailed, Unreachable
from ....run.run import Run

_VOID = "the copy was not made usable; run this notebook again"


class Backup:
    """`with Backup(run, source) as backup: ...; label = backup.stop()`.

    It dies with its session; but before 9.6 there is only the exclusive one, whose backup_label
    lies in the source's directory until it is ended: one that a dead run has left is ended first.
    """

    def __init__(self, run: Run, source: Running) -> None:
        self._run, self._source = run, source
        self._exclusive = not dialect.has("non_exclusive_backup", source.major)
        self._label = ""
        self._session = run.doors[source.node].session(run.pair.database)

    def __enter__(self) -> Backup:
        run = self._run
        node = self._source.node
        within = run.timeouts.checkpoint
        try:
            words = "begin a base backup (with a checkpoint)"
            with run.deed(node, words, DeedKind.BEGIN_BACKUP) as deed:
                if dialect.has("idle_session_timeout", self._source.major):
                    self._session.do("select set_config('idle_session_timeout', '0', false)")
                if self._exclusive and (left := self._end_ours()):
                    deed.say(f"ended the backup that run {left} had left, and began one")
                # the last statement of the session, and so what verify knows it by
                self._session.do(query("begin a backup"), [f"pgha {run.id}"], within=within)
                if self._exclusive:
                    self._label = self._session.read(query("label of a backup"))[0]["label"]
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
        if self._exclusive:
            with contextlib.suppress(HaError):
                self._end_ours()
        self._session.close()  # the server ends a backup that was not stopped

    def _end_ours(self) -> str:
        """End an exclusive one of ours, if there is one; whose it was."""
        for row in self._session.read(query("label of a backup")):
            if found := re.search("LABEL: pgha (.*)", row["label"]):
                self._session.do(query("end a backup"), within=self._run.timeouts.checkpoint)
                return found[1]
        return ""

    def stop(self) -> str:
        """End the backup, without a wait for the archive; gives its backup_label.

        The standby streams what it needs, its slot keeps it. Raises NotAchieved where the session
        was lost: what was copied since is no backup.
        """
        with self._run.deed(self._source.node, "end the base backup", DeedKind.END_BACKUP):
            try:
                row = self._session.do(query("end a backup"))[0]
            except (QueryFailed, Unreachable) as error:
                # a session that was opened anew has no backup to stop
                raise NotAchieved(
                    f"the session that held the backup was lost: {error.what}", _VOID
                ) from None
            return str(row["labelfile"] or self._label)
