"""Marks on the keys of a pair file: values with a unit, and dataclasses that take no unknown key.

`Bytes` and `Seconds` mark the values that a pair file writes with a unit (`16MB`, `30s`).
"""

from __future__ import annotations

from typing import NewType

Bytes = NewType("Bytes", int)
Seconds = NewType("Seconds", float)

MB = 1024 * 1024
CLOSED = {"extra": "forbid"}  # read by pydantic: an unknown key is an error
