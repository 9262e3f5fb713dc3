"""The report of a run: its charts on a desk and on a phone, on white and on dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from pgha_helpers.facts.lag_chart import lag_figure
from pgha_helpers.facts.pictures import phone_name, pictures
from pgha_helpers.records.reading.entries import find
from pgha_helpers.records.reading.report import LAG, report

from ..pure.made_runs import DEEDS, ROWS, run_in
from ..pure.reading.made_up import write_run
from .desk import SCREEN

PHONE = 390
#: The colour of a picture in its corner, where nothing is drawn, as the browser shows it.
CORNER = """image => {
    const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    return [...pen.getImageData(2, 2, 1, 1).data];
}"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a promotion whose lag was drawn."""
    folder = write_run(tmp_path_factory.mktemp("reports"), notebook="promote")
    run = run_in(tmp_path_factory.mktemp("run"))
    drawn = pictures(lambda width: lag_figure(run, ROWS, DEEDS, width))
    run.journal.close()
    (folder / LAG).write_bytes(drawn.svg)
    (folder / phone_name(LAG)).write_bytes(drawn.phone)
    page = folder / "report.html"
    page.write_text(report(folder, find(folder.parent, folder.name).told, "by hand"))
    return page


@pytest.fixture
def page(browser: BrowserContext, written: Path) -> Iterator[Page]:
    with browser.new_page() as page:
        page.goto(written.as_uri())
        yield page


def test_a_phone_gets_a_chart_that_it_can_show(page: Page) -> None:
    chart = page.locator("img.chart")
    expect(chart).to_have_count(1)
    wide = chart.evaluate("image => image.currentSrc")
    page.set_viewport_size({"width": PHONE, "height": SCREEN["height"]})
    expect(chart).not_to_have_js_property("currentSrc", wide)
    shown, drawn = chart.evaluate("image => [image.clientWidth, image.naturalWidth]")
    assert shown > 0.8 * drawn, "its letters are as large as they were drawn, or nearly"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_chart_is_as_dark_as_its_page(page: Page) -> None:
    chart = page.locator("img.chart")
    assert min(chart.evaluate(CORNER)[:3]) > 240
    page.emulate_media(color_scheme="dark")
    page.reload()
    assert max(chart.evaluate(CORNER)[:3]) < 40
