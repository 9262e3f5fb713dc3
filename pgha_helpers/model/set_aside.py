"""Directories that were renamed aside: they stay until somebody, who has seen the new one work,
removes them by hand.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

STAMP = "%Y%m%dT%H%M%SZ"
_FORM = re.compile(
    r"(?P<of>/.+)\.(?P<state>aside|removing|forsaking)-(?P<stamp>\d{8}T\d{6}Z)-(?P<run>[0-9a-z]+)",
    re.DOTALL,
)
#: Beside the data directory not only whole ones are kept: what of those, by how their name ends.
_HOLDS = {
    ".unarchived": "WAL that was never archived",
    ".before-rewind": "what a rewind overwrote",
    ".half-rewound": "a directory whose rewind did not end",
}
_OLD = "what was there before"


@dataclass(frozen=True)
class SetAside:
    """A directory `of.aside-STAMP-RUN` on a node. `size` is in bytes, None where it was not counted
    in time.

    `state` is aside, or the word by which pgha 0.1 renamed it again when its removal was begun and
    not ended: removing, or forsaking where it was known that only it may hold a commit.
    `owner` is the OS user that it belongs to; `stays` says why it should not be removed, is empty
    where it may be, and None where that was not asked.
    """

    node: str
    of: str
    stamp: str
    run: str
    state: str = "aside"
    size: int | None = None
    owner: str = ""
    stays: str | None = None

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
        return f"{self.of}.{self.state}-{self.stamp}-{self.run}"

    @property
    def name(self) -> str:
        """Its name, without the folder that it lies in."""
        return self.path.rpartition("/")[2]

    @property
    def removal(self) -> str:
        """The line that removes it, to be typed in a shell of its node.

        >>> SetAside("db0", "/d/my data", "20261123T091215Z", "e2").removal
        "rm -rf --one-file-system -- '/d/my data.aside-20261123T091215Z-e2'"
        """
        return f"rm -rf --one-file-system -- {shlex.quote(self.path)}"

    @property
    def holds(self) -> str:
        """What it holds, as a person says it."""
        for end, words in _HOLDS.items():
            if self.of.endswith(end):
                return words
        return _OLD

    @property
    def since(self) -> datetime:
        """When it was renamed aside."""
        return datetime.strptime(self.stamp, STAMP).replace(tzinfo=UTC)
