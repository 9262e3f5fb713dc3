"""A configuration file that is replaced in one instant.

It is written beside while there is time, and renamed when it counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from ..model.errors import NotAchieved
from ..model.foreign import text_of
from ..wire.doors import Door

_READ = 'f=$(readlink -e -- "$1") || { echo "there is no file $1" >&2; exit 1; }; cat -- "$f"'

_CAN_BE_REPLACED = """
f=$(readlink -e -- "$1") || { echo "there is no file $1"; exit; }
[ -f "$f" ] || echo "$1 is no file"
[ -r "$f" ] || echo "$1 cannot be read by $(id -un)"
[ -w "$(dirname -- "$f")" ] ||
  echo "$(dirname -- "$f") cannot be written by $(id -un), so $1 cannot be replaced"
[ "$(id -u)" = 0 ] || [ -O "$f" ] ||
  echo "$1 belongs to $(stat -c %U -- "$f"), and $(id -un) could not keep it so"
"""

_STAGE = """
set -e
umask 077
f=$(readlink -e -- "$1")
[ "$(sha256sum < "$f")" = "$2  -" ] || {
  echo "$f was changed by somebody else meanwhile" >&2
  exit 1
}
cp --preserve=all -- "$f" "$f.pgha-new"
cat > "$f.pgha-new"
[ "$(stat -c '%u %g %a' -- "$f")" = "$(stat -c '%u %g %a' -- "$f.pgha-new")" ] || {
  rm -f -- "$f.pgha-new"
  echo "owner and mode of $f cannot be kept by $(id -un)" >&2
  exit 1
}
sync -- "$f.pgha-new"
echo "$f"
"""

# In the window a process more is a millisecond more, so this is one rename and no comparison of
# contents.
_SWAP = (
    '[ -e "$1.pgha-new" ] && [ ! "$1" -nt "$1.pgha-new" ] || exit 3; exec mv -fT -- '
    '"$1.pgha-new" "$1"'
)

_SYNC = 'f=$(readlink -e -- "$1") && sync -- "$(dirname -- "$f")"'


class StagedFile:
    """A file on the other side of a door.

    What was not staged, or was changed since, is written when it is needed.
    """

    def __init__(self, door: Door, path: str) -> None:
        self.path = path
        self._door = door
        self._staged: tuple[str, str] | None = None  # where the file really is, and its new text

    def read(self) -> str:
        """Its text. Raises CommandFailed."""
        return text_of(self._door.script(_READ, self.path).stdout)

    def why_not(self) -> Iterator[str]:
        """Reasons why it could not be replaced by one with the same owner and mode."""
        yield from self._door.script(_CAN_BE_REPLACED, self.path).lines

    def stage(self, old: str, new: str) -> None:
        """Write what it is to hold beside it, flushed to disk. Raises CommandFailed."""
        digest = sha256(_bytes(old)).hexdigest()
        where = self._door.script(_STAGE, self.path, digest, stdin=_bytes(new)).stdout
        self._staged = text_of(where).removesuffix("\n"), new

    def swap(self, new: str) -> bool:
        """Make it hold this text, which was staged.

        False if it was not, or if somebody has changed it meanwhile.
        """
        if self._staged is None or self._staged[1] != new:
            return False
        where, self._staged = self._staged[0], None
        return self._door.script(_SWAP, where, okay=(0, 3)).status == 0

    def replace(self, old: str, new: str) -> None:
        """Stage and swap at once.

        Raises NotAchieved where somebody changes it at this very moment.
        """
        self.stage(old, new)
        if not self.swap(new):
            raise NotAchieved(
                f"{self.path} was changed by somebody else meanwhile", "run this notebook again"
            )

    def sync(self) -> None:
        """Make the last rename survive a power cut."""
        self._door.script(_SYNC, self.path)

    def unstage(self) -> None:
        """Take away what was staged and is not needed."""
        self._staged = None
        self._door.script(
            'f=$(readlink -e -- "$1") && rm -f -- "$f.pgha-new"', self.path, okay=(0, 1)
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
