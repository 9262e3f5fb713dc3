"""HTML that was made by a notebook, written anew from what is known to be harmless.

A record is opened by people who were not there, so nothing in it may run, load anything, or send
its reader elsewhere. What is not on the lists below is left out; nothing is repaired or guessed.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

from .words import visible

# fmt: off
_TAGS = frozenset((
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del",
    "details", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "img", "kbd", "li", "mark", "ol", "p", "pre", "s", "samp", "small", "span", "strong",
    "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var",
))
# fmt: on
_EMPTY = frozenset({"br", "col", "hr", "img"})
_SILENT = frozenset(
    {"script", "style", "iframe", "object", "template", "noscript", "svg", "math", "title"}
)
_ATTRIBUTES = frozenset(
    {"class", "colspan", "rowspan", "alt", "title", "width", "height", "align", "style", "src"}
)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_STYLE = re.compile(
    r"\s*(color|font-weight|font-style|text-align|vertical-align|padding|white-space)\s*:[\w\s.#%-]+"
)


def harmless(html: str) -> str:
    """The same text, tables and pictures, and nothing that loads or runs.

    No scripts, links, styles that load, and nothing unknown.

    >>> harmless('<b onclick="x()">2 < 3</b><script>x()</script><img src="https://x/y.png">')
    '<b>2 &lt; 3</b><img>'
    >>> harmless('<td style="color:#1a7f37;background:url(x)">a</td></table>')
    '<td style="color:#1a7f37">a</td>'
    """
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    """Writes down what it recognises, and closes what was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._silent: list[str] = []

    def text(self) -> str:
        """What was written, with every element closed."""
        ends = [f"</{tag}>" for tag in reversed(self._open)]
        return "".join([*self._parts, *ends])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        if self._silent or tag not in _TAGS:
            return
        kept = ((name, _kept(name, value or "")) for name, value in attrs if name in _ATTRIBUTES)
        words = "".join(f' {name}="{escape(value)}"' for name, value in kept if value is not None)
        self._parts.append(f"<{tag}{words}>")
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _TAGS:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif not self._silent and tag in self._open:
            while self._open:
                last = self._open.pop()
                self._parts.append(f"</{last}>")
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(escape(visible(data), quote=False))


def _kept(name: str, value: str) -> str | None:
    """What is left of an attribute; None if nothing is."""
    if name == "src":
        return value if _PICTURE.fullmatch(value) else None
    if name == "style":
        parts = [part.strip() for part in value.split(";") if _STYLE.fullmatch(part)]
        return ";".join(parts) if parts else None
    return value
