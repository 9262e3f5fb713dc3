"""The one place that knows Jinja2: templates of this room, with everything escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import words

if TYPE_CHECKING:
    from jinja2 import Environment

_WORDS = (
    "changes",
    "chained",
    "code",
    "consent",
    "mark",
    "minute",
    "finite",
    "seen",
    "took",
    "tone",
    "who",
)


def render_page(template: str, **facts: Any) -> str:
    """A page from a template of this room. Whatever it is given is escaped, and made visible."""
    return _environment().get_template(template).render(**facts)


@cache  # else each page would have its templates translated again
def _environment() -> Environment:
    # here: a look asks when the last drill was, and makes no page
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update({name: getattr(words, name) for name in _WORDS})
    return environment


def _visible(value: Any) -> Any:
    # markup of our own is no plain str
    return words.visible(value) if type(value) is str else value
