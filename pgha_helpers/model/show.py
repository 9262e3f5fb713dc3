"""How facts look on a page and in a terminal. Tables with words, marks and units; colour only
repeats them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from . import frontend

MARKS = {"ok": "✓ ok", "warning": "! warning", "critical": "✗ critical", "unknown": "? unknown"}
_COLOURS = {"✓": "#1a7f37", "!": "#9a6700", "✗": "#b42318", "?": "#6e40c9"}
_CELL = "text-align:left;vertical-align:top;padding:.3em .8em;white-space:normal"


class Shown:
    """Something with a `table()`: shown as HTML in a notebook and as text everywhere else."""

    def table(self) -> Table:
        """What to show."""
        raise NotImplementedError

    def __str__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """IPython's text: without it the record would hold the repr of a whole snapshot."""
        printer.text(str(self))


@dataclass(frozen=True)
class Table:
    """Rows of words under a heading: HTML in a notebook, aligned text elsewhere."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(len(row[i]) for row in lines) for i in range(len(self.head))]
        told = [
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
            for row in lines
        ]
        return "\n".join(told)

    def __repr__(self) -> str:
        return str(self)

    def within(self, columns: int) -> Table:
        """This table, or, where it is too wide for so many columns, one that stands on its side.

        >>> print(Table(("node", "role", "state"), [("db0", "primary", "writable")]).within(20))
        node   db0
        role   primary
        state  writable

        0 columns are no limit.
        """
        if not columns or self._width <= columns:
            return self
        head, *rows = zip(self.head, *self.rows, strict=True)
        turned = Table(head, rows)
        return turned if turned._width < self._width else self

    @property
    def _width(self) -> int:
        return max(map(len, str(self).splitlines()))

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="{_CELL}">{escape(h)}</th>' for h in self.head)
        rows = ["".join(map(_cell, row)) for row in self.rows]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def present(table: Table | Shown, **metadata: Any) -> None:
    """Show a table from inside a verb: as HTML in a notebook, as text elsewhere. `metadata` goes
    with the HTML.
    """
    if frontend.shell():
        from IPython.display import display

        display(table, metadata=metadata)
    else:
        print(table)


def _cell(text: str) -> str:
    colour = _COLOURS.get(text[:1]) if text in MARKS.values() else None
    style = f"{_CELL};color:{colour};font-weight:600;white-space:nowrap" if colour else _CELL
    return f'<td style="{style}">{escape(text)}</td>'


def utc(moment: float) -> str:
    """Seconds since the epoch as UTC, to the millisecond.

    >>> utc(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    return (
        datetime.fromtimestamp(moment, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def to_minute(moment: float) -> str:
    """Seconds since the epoch as UTC, for a sentence.

    >>> to_minute(90)
    '1970-01-01 00:01Z'
    """
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%MZ}"


def size(count: float) -> str:
    """Bytes as a person reads them.

    >>> size(0), size(1536), size(16 * 1024 * 1024)
    ('0 B', '1.5 kB', '16 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1024:
            return f"{count:.1f}".rstrip("0").rstrip(".") + f" {unit}"
        count /= 1024
    return f"{count:.1f} TB"


def plural(number: int, one: str, more: str = "") -> str:
    """A number of things.

    >>> plural(1, "slot"), plural(2, "slot"), plural(0, "process", "processes")
    ('1 slot', '2 slots', '0 processes')
    """
    return f"{number} {one if number == 1 else more or f'{one}s'}"


def span(seconds: float) -> str:
    """Seconds as a person reads them.

    >>> span(0.25), span(12), span(600), span(90000), span(864000)
    ('250 ms', '12 s', '10 min', '25 h', '10 d')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, length, until in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172800)):
        if seconds < until:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / 86400:.3g} d"


def written_size(count: int) -> str:
    """Bytes as a pair file has them.

    >>> written_size(16 * 1024 * 1024), written_size(1536), written_size(0)
    ('16MB', '1536B', '0B')
    """
    for unit, power in (("TB", 4), ("GB", 3), ("MB", 2), ("kB", 1)):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{unit}"
    return f"{count}B"


def written_span(seconds: float) -> str:
    """Seconds as a pair file has them.

    >>> written_span(10), written_span(90), written_span(0.25), written_span(21600)
    ('10s', '90s', '250ms', '6h')
    """
    if seconds % 1:
        return f"{seconds * 1000:g}ms"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds > 120 and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"
