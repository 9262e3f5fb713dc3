"""`pgha status --watch`: the same again and again, over connections that stay open."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..run import courtesy
from ..run.redaction import Redactor
from .node_status import table_of
from .status import Looks, PairStatus, count_of, in_words, scrubber

#: Repeats what the mark says; rich leaves it out where NO_COLOR is set, or the terminal has none.
_STYLES = {"ok": "green", "warning": "yellow", "critical": "bold red", "unknown": "magenta"}


def watch_status(
    names: Sequence[str], every: float, each: Callable[[list[PairStatus]], None]
) -> list[PairStatus]:
    """Look every so many seconds, at least, until Ctrl-C, or until its reader has left; gives what
    was seen last.

    `each` is called with what was seen. Where nobody sees a screen, one status follows the other.
    """
    console, told = Console(file=sys.stdout, highlight=False), list[PairStatus]()
    screen = Live(console=console, screen=True, auto_refresh=False)
    live = screen if console.is_terminal else contextlib.nullcontext()
    with contextlib.suppress(KeyboardInterrupt), Looks(names, again=True) as looks, live:
        while True:
            began = time.monotonic()
            told = looks.look()
            each(told)
            if console.is_terminal:
                screen.update(_page(told, every, scrubber(told), console.width), refresh=True)
            else:
                print(scrubber(told).text(in_words(told)), flush=True)
                if courtesy.nobody_reads():
                    break
            time.sleep(max(0.0, every - (time.monotonic() - began)))
    return told


def _page(told: Sequence[PairStatus], every: float, scrub: Redactor, columns: int) -> Group:
    rows = [row for one in told for row in _pair(one, scrub, columns)]
    last = f"every {every:g} s; Ctrl-C ends it"
    return Group(*rows, Text(f"{count_of(told)}; {last}" if len(told) > 1 else last, style="dim"))


def _pair(one: PairStatus, scrub: Redactor, columns: int) -> list[Table | Text]:
    head = Text(f"{one.pair}  {one.taken}  looked for {one.seconds:.2f} s", style="bold")
    found = table_of(one.nodes).within(columns)
    table = Table(*found.head, box=None, header_style="dim", padding=(0, 2, 0, 0))
    for row in found.rows:
        table.add_row(*map(scrub.text, row))
    told = [Text(scrub.text(text), _STYLES.get(level, "")) for level, text in one.paragraphs()]
    return [head, table, *told, Text("")] if one.nodes else [head, *told, Text("")]
