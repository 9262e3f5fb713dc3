"""Directories that were renamed aside: they stay until somebody who has seen the new one work has
them removed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

STAMP = "%Y%m%dT%H%M%SZ"
_FORM = re.compile(
    r"(?P<of>/.+)\.(?P<state>aside|removing|forsaking)-(?P<stamp>\d{8}T\d{6}Z)-(?P<run>[0-9a-z]+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class SetAside:
    """A directory `of.aside-STAMP-RUN` on a node. `size` is in bytes, None where it was not counted
    in time.

    `state` is aside, or the word by which it was renamed again when its removal was begun and not
    ended: removing, or forsaking where it was known that only it may hold a commit.
    """

    node: str
    of: str
    stamp: str
    run: str
    state: str = "aside"
    size: int | None = None

    @classmethod
    def parse(cls, node: str, path: str, size: int | None = None) -> SetAside | None:
        """What this absolute path is, or None where its name has not our form.

        >>> SetAside.parse("db0", "/d/data.aside-20261123T091215Z-e203b494").name
        'data.aside-20261123T091215Z-e203b494'
        >>> [SetAside.parse("db0", path)
        ... for path in ("/d/data", "/d/data.aside", "/d/data.aside-20261323T091215Z-e2")]
        [None, None, None]
        """
        match = _FORM.fullmatch(path)
        if not match:
            return None
        try:
            datetime.strptime(match["stamp"], STAMP).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(node, match["of"], match["stamp"], match["run"], match["state"], size)

    @property
    def path(self) -> str:
        """Where it is."""
        return self.path_as(self.state)

    def path_as(self, state: str) -> str:
        """Where it is in this state: a name that nobody takes for a whole directory once its
        removal has begun.
        """
        return f"{self.of}.{state}-{self.stamp}-{self.run}"

    @property
    def name(self) -> str:
        """What a consent calls it, the same for as long as anything is left of it."""
        return self.path_as("aside").rpartition("/")[2]

    @property
    def since(self) -> datetime:
        """When it was renamed aside."""
        return datetime.strptime(self.stamp, STAMP).replace(tzinfo=UTC)
