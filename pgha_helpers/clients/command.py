"""Clients that follow a program which can be checked and taken back.

Such as haproxy's runtime socket, or a DNS update.
"""

from __future__ import annotations

import time

from ..model import Command, Pair
from ..model.errors import HaError, NotAchieved, Refusal
from ..model.show import span
from ..wire.doors import Door
from .client_host import door_to
from .kind import Way
from .move import Move


class Commanded(Way):
    """One such program."""

    def __init__(self, client: Command, pair: Pair) -> None:
        self.client = client
        self.pair = pair
        self.door: Door = door_to(client, pair)
        self._redirected = False

    def look(self, primary: str) -> tuple[str, list[str]]:
        """Whether its programs are there, and its check holds for the roles as they are."""
        words = f"{self.client.redirect[0]} on {self._place()}"
        try:
            programs = dict.fromkeys(
                (self.client.redirect[0], self.client.check[0], (*self.client.undo, "true")[0])
            )
            against = [f"there is no program {name}" for name in programs if not self._has(name)]
            if primary and not against:
                self._check(Move(self.pair, primary, self.pair.other(primary).name))
        except HaError as trouble:
            return words, [trouble.what]
        return words, against

    def _has(self, name: str) -> bool:
        answer = self.door.script('command -v -- "$1" >/dev/null', name, okay=(0, 1, 127))
        return answer.status == 0

    def prepare(self, move: Move) -> str:
        """While clients still work: its shell is opened."""
        self.door.run("true")
        self._redirected = False
        return "opened its shell"

    def redirect(self, move: Move) -> str:
        """Run the command, and its check until that succeeds.

        Raises NotAchieved with what it said.
        """
        self._redirected = True
        self._run(self.client.redirect, move)
        self._check(move)
        return f"redirected to {move.primary}, and its check holds"

    def take_back(self, move: Move) -> str:
        """Undo, unless nothing was redirected and the check holds for the roles as they are."""
        if not self._redirected:
            try:
                self._check(move, within=0)
                return ""
            except NotAchieved:
                pass
        self._run(self.client.undo or self.client.redirect, move)
        self._check(move)
        self._redirected = False
        return f"back to {move.primary}, and its check holds"

    def _place(self) -> str:
        if self.client.ssh:
            return self.client.ssh.host
        return self.client.node or "this machine"

    def _run(self, words: tuple[str, ...], move: Move) -> None:
        try:
            self.door.run(*move.filled(words))
        except Refusal as trouble:
            raise NotAchieved(
                trouble.what,
                f"by hand, on {self._place()}: see {self.client.name} in the pair file",
            ) from None

    def _check(self, move: Move, within: float | None = None) -> None:
        """Run the check until it succeeds. Raises NotAchieved with what it said last."""
        seconds = self.client.within if within is None else within
        deadline, pause = time.monotonic() + seconds, 0.01
        while (answer := self.door.run(*move.filled(self.client.check), okay=range(256))).status:
            if time.monotonic() > deadline:
                said = answer.complaint or answer.text or "no words"
                raise NotAchieved(
                    f"its check for {move.primary} ends with status {answer.status} after "
                    f"{span(seconds)}: {said}",
                    "look where these clients go now",
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.5)

    def close(self) -> None:
        """Let its shell go."""
        self.door.close()
