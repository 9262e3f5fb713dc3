"""What a browser would see of a page: what it loads, runs and links to."""

from __future__ import annotations

from html.parser import HTMLParser


class Seen(HTMLParser):
    """What a page would load, run or link to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.metas: dict[str, str] = {}
        self.script = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        told = {name: value or "" for name, value in attrs}
        self.loads += [
            told[name]
            for name in ("src", "srcset", "data", "poster", "background", "action")
            if name in told
        ]
        self.links += [told["href"]] if "href" in told else []
        self.handlers += [name for name in told if name.startswith("on")]
        if tag == "meta":
            self.metas[told.get("name") or told.get("http-equiv", "")] = told.get("content", "")

    def handle_data(self, data: str) -> None:
        self.script += data if self.cdata_elem == "script" else ""


def stands_alone(html: str) -> Seen:
    """Assert that a page loads nothing, names its width for a phone, and shuts the door to scripts;
    what it has.
    """
    seen = Seen(html)
    assert all(load.startswith("data:image/") for load in seen.loads)
    assert not seen.handlers and not {"link", "iframe", "object", "embed", "base"} & set(seen.tags)
    assert "url(" not in html and "@import" not in html
    assert seen.metas["viewport"].startswith("width=device-width")
    assert seen.metas["Content-Security-Policy"].startswith("default-src 'none'")
    return seen
