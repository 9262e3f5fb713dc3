"""PgBouncer: hold the clients, point the database lines at the new primary, let them go on."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from ..model import Pair, Pgbouncer
from ..model.errors import HaError, NotAchieved
from . import ini
from .kind import Way
from .move import Move, address_like
from .pooler import Pooler
from .pooler_checks import outlook


class Bouncer(Pooler, Way):
    """One PgBouncer. Every verb looks first, so each may be said again."""

    def __init__(self, client: Pgbouncer, pair: Pair) -> None:
        super().__init__(client, pair)
        self._following: list[str] = []  # databases that follow the primary, as prepare saw them
        self._pointed_at = ""  # the node that `point` has led to
        # databases, the node to point at, the file's new text
        self._staged: tuple[list[str], str, str] | None = None

    def look(self, primary: str) -> tuple[str, list[str]]:
        """What it is, in words, and every reason why its clients could not be moved now."""
        return outlook(self, primary)

    def prepare(self, move: Move) -> str:
        """While clients still work: what a pause needs is made ready.

        Sessions are opened, the new file is written beside the old one, the watchdog is started.
        """
        self.console.open()
        self._pointed_at = ""
        self._following = self.following(self.console.databases())
        old = self.file.read()
        new = self._pointed(old, self._following, move.primary)
        if new != old:
            self.file.stage(old, new)
            self._staged = self._following, move.primary, new
        self.watchdog.start(self._following)
        return (
            f"staged {self.file.path}, and started a watchdog that ends a pause after "
            f"{self.client.pause:g} s"
        )

    def pause(self) -> str:
        """Hold the clients.

        Raises NotAchieved, with everything resumed, where a transaction does not end.
        """
        self.watchdog.pause_begins()
        try:
            self.console.pause(self._following)
            if self.watchdog.expired:
                raise NotAchieved(f"pausing {self.client.name} took longer than the pause may last")
        except HaError:
            self.let_go_on()
            raise
        return f"paused {', '.join(self._following)}"

    def resume(self) -> bool:
        """Let the clients go on; false if they were not held.

        Raises with what to type where nobody answers.
        """
        try:
            were = self.console.resume(self._following or self.following(self.console.databases()))
        except HaError as trouble:
            raise NotAchieved(
                f"{self.client.name} may still be paused: {trouble.what}",
                f"its watchdog resumes it within {self.client.pause:g} s; by hand: "
                f"{self._by_hand()}",
            ) from None
        self.watchdog.over()
        return were

    def let_go_on(self) -> None:
        """Resume after something worse. If that fails, too, the watchdog does it."""
        with contextlib.suppress(HaError):
            self.resume()

    def point(self, move: Move) -> str:
        """Point the databases at the new primary, if they are held.

        From here on even the watchdog leads there.
        """
        if not self._following:
            return ""
        self._repoint(self._following, move.primary)
        self._pointed_at = move.primary
        self.console.hurry()
        return f"pointed {', '.join(self._following)} at {move.primary}"

    def redirect(self, move: Move) -> str:
        """Let the clients go on with the new primary, whatever happens on the way."""
        try:
            following = self._following or self.following(self.console.databases())
            if self._pointed_at != move.primary:
                self._repoint(following, move.primary)
        except HaError:
            self.let_go_on()
            raise
        if not (self.resume() and following == self._following):
            self.console.reconnect(following)
        return f"let {', '.join(following)} go on with {move.primary}"

    def settle(self) -> None:
        """Settings are as the file has them, and that survives a power cut."""
        self.file.sync()
        self.console.restore()

    def take_back(self, move: Move) -> str:
        """As before: the file, and the clients go on, even if the file cannot be put right."""
        said = []
        try:
            following = self._following or self.following(self.console.databases())
            old = self.file.read()
            if self._pointed(old, following, move.primary) != old:
                self._repoint(following, move.primary)
                said.append(f"{', '.join(following)} to {move.primary}")
            self.file.unstage()
        finally:
            if self.resume():
                said.append("resumed")
        return ", ".join(said)

    def lead_readers(self, move: Move) -> str:
        """Point the read-only databases at the standby."""
        readers = list(self.client.readers)
        known = self.console.databases()
        if all(self.at(known[name].target) == move.standby for name in readers if name in known):
            return ""
        self._repoint(readers, move.standby)
        self.console.reconnect(readers)
        self.file.sync()
        return f"{', '.join(readers)} to {move.standby}"

    def _repoint(self, names: list[str], node: str) -> None:
        """Make the file and PgBouncer say this node for these databases.

        Raises NotAchieved where they do not.
        """
        staged, self._staged = self._staged, None
        if not (staged and staged[:2] == (names, node) and self.file.swap(staged[2])):
            old = self.file.read()
            new = self._pointed(old, names, node)
            if new != old:
                self.file.replace(old, new)
        try:
            self.console.restore()
            known = self.console.databases()
        except HaError as trouble:
            raise NotAchieved(
                f"{self.file.path} points at {node}, but {trouble.what}",
                "start pgbouncer: it reads that file",
            ) from None
        wrong = [name for name in names if name not in known or self.at(known[name].target) != node]
        if wrong:
            raise NotAchieved(
                f"after a RELOAD {', '.join(wrong)} of {self.client.name} do not point at {node}",
                "read pgbouncer's log: does it read this file?",
            )

    def _pointed(self, text: str, names: list[str], node: str) -> str:
        """The file's text with these databases at this node; as it was where they are there."""
        try:
            lines = ini.read_ini(text)
            new = dict(lines)
            for name in names:
                target = address_like(self.pair, lines[name].target, node)
                new[name] = replace(lines[name], target=target)
        except ValueError as odd:
            raise NotAchieved(f"{self.file.path}: {odd}") from None
        except LookupError as missing:
            raise NotAchieved(
                f"{self.file.path} has no line for {missing} that points at a node"
            ) from None
        return text if new == lines else ini.write(new)

    def close(self) -> None:
        """Let everything go. If a pause was not over, the watchdog resumes now."""
        self.watchdog.close()
        self.console.close()
        self.door.close()

    def _by_hand(self) -> str:
        c = self.client
        databases = ", ".join(self._following)
        return f'psql -h {c.host} -p {c.port} -U {c.user} pgbouncer -c "RESUME {databases}"'
