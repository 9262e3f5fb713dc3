"""What several of the pure tests stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgha_helpers.model import Pair

from .pictures import pair


@pytest.fixture
def here(tmp_path: Path) -> Pair:
    """A pair whose records are kept in a folder of this test."""
    return pair(records=str(tmp_path / "records"))
