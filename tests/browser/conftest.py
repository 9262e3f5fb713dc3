"""One browser and one pair for all that is seen in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext

from .. import embedded as lab
from ..conftest import pgha
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
        done = pgha(
            "run", "setup", str(made.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        lab.down(folder, remove=True)
