"""A way in which clients find the primary: what a hand-over says to each.

A way that needs nothing says nothing.
"""

from __future__ import annotations

from .move import Move


class Way:
    """One entry of `clients:`.

    The verbs say what was done, or nothing where it was so already, and may be repeated. `acts` is
    false where there is never anything to do. A verb that cannot reach its aim raises an HaError.
    """

    acts = True

    def look(self, primary: str) -> tuple[str, list[str]]:
        """What it is, in words, and every reason why it could not be moved.

        `primary` is empty where there is none.
        """
        raise NotImplementedError

    def prepare(self, move: Move) -> str:
        """Make ready what the window needs, while clients still work."""
        return ""

    def point(self, move: Move) -> str:
        """While the promotion goes on: say where those who are held will go.

        Nobody sees that before they go on.
        """
        return ""

    def redirect(self, move: Move) -> str:
        """Lead the clients to the new primary, and see that they are led there."""
        return ""

    def settle(self) -> None:
        """What can wait until every client goes on."""

    def take_back(self, move: Move) -> str:
        """Lead them back to the old primary, of which `move` speaks as the primary."""
        return ""

    def lead_readers(self, move: Move) -> str:
        """Lead those who only read to the standby."""
        return ""

    def close(self) -> None:
        """Let everything go."""
