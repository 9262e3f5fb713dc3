"""One browser and one pair for all that is seen in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from pgha_helpers import lab

from ..conftest import pgha
from . import desk


@pytest.fixture(scope="package")
def chromium(need: Callable[..., None]) -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    need("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = desk.chromium(playwright, str(shutil.which("chromium")))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Lab]:
    """A pair that is set up. Each test asks who is primary: the one before may have moved it."""
    folder = tmp_path_factory.mktemp("browser")
    try:
        made = lab.up(folder)
        done = pgha("run", "setup", str(made.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1")
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        lab.down(folder, remove=True)
