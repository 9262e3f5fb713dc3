"""One browser and one pair for all that is seen in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext

from .. import embedded as lab
from ..lab.runs import carry_out
from .desk import chromium


@pytest.fixture(scope="package")
def browser(need: Callable[..., None]) -> Iterator[BrowserContext]:
    """Debian's Chromium, driven by Playwright."""
    need("chromium", "chromium")
    with chromium(str(shutil.which("chromium"))) as context:
        yield context


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Lab]:
    """A pair that is set up. Each test asks who is primary: the one before may have moved it."""
    folder = tmp_path_factory.mktemp("browser")
    try:
        made = lab.up(folder)
        carry_out(made, "setup", "setup db1", primary="db0")
        yield made
    finally:
        lab.down(folder, remove=True)
