"""What nodes, files and libraries say: bytes become text here, and words become values.

Nobody promises that they can be read: a name may be Latin-1, a tool may be BusyBox's, an answer may be cut short.
"""

from __future__ import annotations

import re

_BYTE = re.compile("[\udc80-\udcff]")


def text_of(data: bytes, codec: str = "utf-8") -> str:
    r"""Bytes as text. A byte that means nothing stays what it is, so that a name can be sent back as it came.

    >>> text_of(b"caf\xe9").encode("utf-8", "surrogateescape")
    b'caf\xe9'
    """
    return data.decode(codec, "surrogateescape")


def shown(text: str) -> str:
    r"""The same for people and for files.

    >>> print(shown(text_of(b"caf\xe9")))
    caf\xe9
    """
    return _BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)
