"""Paths on this machine."""

from __future__ import annotations

import os


def here(path: str) -> str:
    """A path on this machine as people write it, with ~ for a home.

    What names no home stays as it is, see `homeless`: pathlib would raise RuntimeError, and would
    drop `//` and `./`.
    """
    return os.path.expanduser(path)  # noqa: PTH111


def homeless(path: str) -> bool:
    """Whether a path begins with the home of a user who is none on this machine, or has none.

    >>> homeless("~nobody-is-called-so/id"), homeless("/etc/id"), homeless("")
    (True, False, False)
    """
    return here(path).startswith("~")
