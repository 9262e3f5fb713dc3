"""What nodes, files and libraries say: bytes become text here, and words become values.

Nobody promises that they can be read: a name may be Latin-1, a tool may be BusyBox's, an answer may
be cut short.
"""

from __future__ import annotations

import re

#: What reading raises where something has another form than it should, whoever has written it.
ODD = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
_BYTE = re.compile("[\udc80-\udcff]")
_WHOLE = re.compile(r"-?[0-9]{1,30}")
_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]*)?(?:e[-+]?[0-9]{1,2})?")


def text_of(data: bytes, codec: str = "utf-8") -> str:
    r"""Bytes as text. A byte that means nothing stays what it is, so that a name can be sent back
    as it came.

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


def lines_of(text: str) -> list[str]:
    r"""Lines as programs write them. Python's own also end at characters that may stand in a name.

    >>> lines_of("db0\x0b\u2028\r\nfiles\n"), lines_of("")
    (['db0\x0b\u2028\r', 'files'], [])
    """
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def whole(text: str, what: str) -> int:
    """A whole number in decimal digits. Raises ValueError that says what it was to be, and what
    stands there.

    >>> whole(" 42", "free blocks"), whole("42 kB", "free blocks")
    Traceback (most recent call last):
      ...
    ValueError: free blocks: a whole number is expected, found '42 kB'
    """
    if not _WHOLE.fullmatch(text.strip(" \t\r")):
        raise ValueError(f"{what}: a whole number is expected, found {_quoted(text)}")
    return int(text)


def number(text: str, what: str) -> float:
    """A number, and never `nan` or `inf`. Raises ValueError as `whole` does.

    >>> number("1795376791.5", "the clock"), number("1795376791.%N", "the clock")
    Traceback (most recent call last):
      ...
    ValueError: the clock: a number is expected, found '1795376791.%N'
    """
    if not _NUMBER.fullmatch(text.strip(" \t\r")):
        raise ValueError(f"{what}: a number is expected, found {_quoted(text)}")
    return float(text)


def blocks_of(text: str) -> int:
    """Bytes, of a number of blocks and the size of one, as `stat -f -c '%a %S'` tells them. Raises
    ValueError.

    >>> blocks_of("2 4096")
    8192
    """
    count, _, size = text.partition(" ")
    return whole(count, "free blocks") * whole(size, "bytes of a block")


def _quoted(text: str) -> str:
    if len(text) > 60:
        text = text[:57] + "..."
    return repr(shown(text))


class Told:
    """An answer of one of our scripts, whose lines are "word rest"; a word may come more than
    once.
    """

    def __init__(self, lines: list[str]) -> None:
        self._rests: dict[str, list[str]] = {}
        for line in lines:
            word, _, rest = line.partition(" ")
            self._rests.setdefault(word, []).append(rest)

    def all(self, word: str) -> tuple[str, ...]:
        """What stands behind each of these words."""
        return tuple(self._rests.get(word, ()))

    def one(self, word: str, default: str = "") -> str:
        """What stands behind the first of them."""
        return self._rests.get(word, [default])[0]

    def need(self, word: str) -> str:
        """The same. Raises ValueError where there is none."""
        if word not in self._rests:
            raise ValueError(f"{word}: nothing is told")
        return self._rests[word][0]

    def wholes(self, word: str) -> tuple[int, ...]:
        """The same as whole numbers. Raises ValueError."""
        return tuple(whole(rest, word) for rest in self.all(word))

    def numbers(self, word: str) -> tuple[float, ...]:
        """The same as numbers. Raises ValueError."""
        return tuple(number(rest, word) for rest in self.all(word))


def identifier(name: str) -> str:
    '''A name in double quotes.

    >>> identifier('odd "name"')
    '"odd ""name"""'
    '''
    return '"' + name.replace('"', '""') + '"'


def one_line(error: BaseException) -> str:
    """What an error says, on one line; its name where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def first_words(statement: str) -> str:
    """The begin of a statement, for a message: its first six words, without comments."""
    lines = [line for line in statement.splitlines() if not line.startswith("--")]
    return " ".join(" ".join(lines).split()[:6])
