"""Sizes and durations as people write them."""

from __future__ import annotations

import re

from ...model.errors import BadParameters

_SIZES = {"B": 1, "kB": 1024, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_SPANS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def read_size(text: object) -> int:
    """Bytes from `16MB`. Raises ValueError that quotes the text and says what is allowed.

    >>> read_size("16MB"), read_size(0)
    (16777216, 0)
    >>> read_size(16)
    Traceback (most recent call last):
      ...
    ValueError: 16 is not a size: write a number and one of B, kB, MB, GB, TB, as in 16MB
    """
    number, unit = _split(text)
    if number == 0 and not unit:
        return 0
    if unit not in _SIZES:
        raise ValueError(
            f"{text!r} is not a size: write a number and one of B, kB, MB, GB, TB, as in 16MB"
        )
    return int(number * _SIZES[unit])


def read_span(text: object) -> float:
    """Seconds from `30s` or `250ms`.

    Raises ValueError that quotes the text and says what is allowed.

    >>> read_span("250ms"), read_span("6h")
    (0.25, 21600.0)
    >>> read_span("30")
    Traceback (most recent call last):
      ...
    ValueError: '30' is not a duration: write a number and one of ms, s, min, h, d, as in 30s
    """
    number, unit = _split(text)
    if unit not in _SPANS:
        raise ValueError(
            f"{text!r} is not a duration: write a number and one of ms, s, min, h, d, as in 30s"
        )
    return number * _SPANS[unit]


def option_span(option: str, text: str) -> float | None:
    """Seconds that were typed for an option; None for nothing. Raises BadParameters."""
    try:
        return read_span(text) if text else None
    except ValueError as error:
        raise BadParameters(f"{option}: {error}") from None


def _split(text: object) -> tuple[float, str]:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(text))
    if match is None:
        return 0.0, "?"
    return float(match[1]), match[2]
