"""The page of all records, opened from the disk: on a desk and on a phone, and nothing is fetched
from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from pgha_helpers.records.reading.entries import entries
from pgha_helpers.records.reading.figures import figures_of
from pgha_helpers.records.reading.page import page as rendered
from pgha_helpers.records.reading.page import pages

from ..conftest import pgha
from ..embedded import Lab
from ..lab.runs import running
from ..pure.reading.made_up import lag, measured, write_run

SCREENS = {
    "desk": ViewportSize(width=1200, height=800),
    "phone": ViewportSize(width=390, height=844),
}


@pytest.fixture(scope="module")
def index(pair: Lab) -> Path:
    """The page of a setup and a rehearsal, and of whatever else was run on this pair before."""
    with running(pair, "promote", reason="a rehearsal for the page") as run:
        run.end("rehearsed")
    done = pgha("records", "page", str(pair.pair_file))
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, browser: BrowserContext, index: Path) -> Iterator[Page]:
    """The page on a screen; at the end nothing may have gone wrong in it, and nothing may have left
    it.
    """
    wrong: list[str] = []
    with browser.new_page() as page:
        page.set_viewport_size(SCREENS[request.param])
        page.on(
            "console",
            lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda sent: (
                None if sent.url.startswith(("file:", "data:")) else wrong.append(sent.url)
            ),
        )
        page.goto(index.as_uri())
        yield page
    assert wrong == []


def shown(page: Page, column: str) -> list[str]:
    """A column of the rows that are not filtered away, from the top."""
    cells: list[str] = page.locator(
        f"#records tbody tr:not([hidden]) td[data-key={column}]"
    ).all_text_contents()
    return cells


def order(page: Page, head: str, words: str) -> None:
    """Press the head of a column; a phone shows cards instead, and a list of orders."""
    choice = page.get_by_label("Order")
    if choice.is_visible():
        choice.select_option(words)
    else:
        page.get_by_role("columnheader", name=head).get_by_role("button").click()


def fits(page: Page) -> None:
    """Nobody has to scroll the page sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_runs_are_filtered(page: Page) -> None:
    every = shown(page, "notebook")
    assert {"setup", "promote"} <= set(every)
    page.locator("#filter-notebook").select_option("promote")
    promotions = every.count("promote")
    expect(page.locator("#count")).to_have_text(f"{promotions} of {len(every)} runs")
    assert shown(page, "notebook") == ["promote"] * promotions

    page.locator("#filter-text").fill("REHEARSAL for page")
    expect(page.locator("#count")).to_have_text(f"1 of {len(every)} runs")
    page.locator("#filter-outcome").select_option("rehearsed")
    page.locator("#filter-pair").select_option(index=1)
    expect(page.locator("#count")).to_have_text(f"1 of {len(every)} runs")
    page.locator("#filter-notebook").select_option("setup")
    expect(page.locator("#count")).to_have_text(f"0 of {len(every)} runs")
    fits(page)


def test_runs_are_sorted(page: Page) -> None:
    assert shown(page, "began") == sorted(shown(page, "began"), reverse=True), (
        "the newest comes first"
    )
    order(page, "Began", "oldest first")
    assert shown(page, "began") == sorted(shown(page, "began"))
    assert shown(page, "notebook")[0] == "setup"
    order(page, "Took", "longest run")
    seconds = [
        float(cell.get_attribute("data-value") or 0)
        for cell in page.locator("td[data-key=took]").all()
    ]
    assert seconds == sorted(seconds, reverse=True)
    fits(page)


def test_a_link_leads_to_the_report_of_its_run(page: Page) -> None:
    fits(page)
    link = (
        page.locator("#records tbody tr")
        .filter(has_text="a rehearsal for the page")
        .get_by_role("link")
    )
    run = link.text_content() or "?"
    link.click()
    expect(page.get_by_text(run).first).to_be_visible()
    expect(page.get_by_text("rehearsed").first).to_be_visible()
    assert page.url.startswith("file:") and run in page.url
    fits(page)
    page.go_back()
    expect(page.locator("#records")).to_be_visible()


#: Of each chart the words that are cut off, or that stand on one another.
CROWDED = """() => [...document.querySelectorAll('svg.figure')].flatMap(chart => {
    const {width, height} = chart.viewBox.baseVal;
    const words = [...chart.querySelectorAll('text')].map(one => [one.textContent, one.getBBox()]);
    const cut = words.filter(([, box]) => box.x < 0 || box.y < 0 || box.x + box.width > width
        || box.y + box.height > height);
    const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width
        && a.y < b.y + b.height && b.y < a.y + a.height;
    const on = words.filter(([, a], n) => words.slice(n + 1).some(([, b]) => meet(a, b)));
    return [...cut, ...on].map(([text]) => `${chart.getAttribute('aria-label')}: ${text}`);
})"""


@pytest.mark.parametrize("slower", [1.0, 15.0, 1e5], ids=["64 ms", "960 ms", "107 min"])
def test_no_label_of_an_axis_is_cut(browser: BrowserContext, tmp_path: Path, slower: float) -> None:
    write_run(tmp_path, "0000000b", "promote", slower=slower)
    index = tmp_path / "index.html"
    index.write_text(rendered(entries(tmp_path)))
    with browser.new_page() as page:
        page.goto(index.as_uri())
        assert page.locator("svg.figure text").count() >= 10
        assert page.evaluate(CROWDED) == []


@pytest.mark.parametrize("most", [0.0, 900.0, 7e7, 3e12])
@pytest.mark.parametrize("screen", SCREENS)
def test_no_word_of_a_chart_is_cut_off_or_stands_on_another(
    browser: BrowserContext, tmp_path: Path, most: float, screen: str
) -> None:
    for day in range(40):
        sizes = {"node": "db0", "databases": most * 50, "wal": most * day}
        measured(tmp_path, day, day + 0.1, lag=lag(most * day / 39, most / 1e8 + day), sizes=sizes)
    ((name, text),) = pages(entries(tmp_path), figures_of(tmp_path, "prod"))
    (tmp_path / name).write_text(text)
    with browser.new_page() as page:
        page.set_viewport_size(SCREENS[screen])
        page.goto((tmp_path / name).as_uri())
        assert page.locator("svg.figure").count() >= 6
        assert page.evaluate(CROWDED) == []
        fits(page)
