"""The lag is drawn while it is sampled, and one picture of it is kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, expect

from pgha_helpers.run.journal import read

from ..embedded import Lab
from .desk import opened
from .seen import verified

#: Every picture that is shown in a cell while it runs, once.
WATCH = """cell => {
    window.pictures = [];
    const look = () => {
        if (!cell.querySelector('.jp-InputPrompt').textContent.includes('*')) return;
        for (const image of cell.querySelectorAll('.jp-OutputArea-output img'))
            if (!window.pictures.includes(image.src)) window.pictures.push(image.src);
    };
    new MutationObserver(look).observe(cell, {childList: true, subtree: true, attributes: true});
}"""
SECONDS = 6.0


def test_the_chart_grows_while_the_lag_is_sampled(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    with opened(browser, pair, "verify", tmp_path, sample_seconds=str(SECONDS)) as desk:
        desk.cell("sample(run, now)").evaluate(WATCH)
        desk.run_all()
        expect(desk.cell("conclude(run, verdicts)")).to_contain_text(": well: ")
        assert desk.page.evaluate("window.pictures.length") >= 3, "it changed twice at least"
        expect(desk.cell("sample(run, now)").locator("img")).to_have_count(1)
        desk.save()
    (output,) = _outputs(desk.record, "sample(run, now)")
    assert list(output["data"]) == ["image/png", "text/plain"]
    told = read(desk.record)
    drawn = {event["file"]: event["sha256"] for event in told.events if event["event"] == "drawn"}
    assert set(drawn) == {"lag.svg", "lag-phone.svg"}
    for name, digest in {"lag.csv": told.last("sampled")["sha256"], **drawn}.items():
        assert digest == hashlib.sha256((desk.record / name).read_bytes()).hexdigest()
    assert told.last("sampled")["rows"] > SECONDS * 10 / 2, (
        "drawing leaves the samples their own rate"
    )


def _outputs(record: Path, words: str) -> list[dict[str, Any]]:
    cells = json.loads((record / "notebook.ipynb").read_text())["cells"]
    (found,) = (
        cell["outputs"]
        for cell in cells
        if words in "".join(cell["source"]) and cell["cell_type"] == "code"
    )
    return list(found)


def test_it_says_where_it_is_what_to_do_and_what_was_sealed_and_a_tab_has_its_name(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    with opened(browser, pair, "verify", tmp_path, light="true") as desk:
        expect(desk.page.get_by_role("tab", name="verify lab.ipynb")).to_be_visible()
        assert desk.page.title().startswith("verify lab"), "JupyterLab cuts it after 12 letters"
        desk.run_all()
        expect(desk.cell("conclude(run, verdicts)")).to_contain_text(": well: ")
        where, log, address, what, end = (
            next(line for line in desk.said if words in line)
            for words in ("Record: ", "own output: ", "Open in a", "Run All", "Ctrl-C")
        )
        assert where == f"Record: {desk.record}" and "verify%20lab.ipynb?token=" in address
        assert what.endswith("It changes nothing.") and "ends JupyterLab and seals" in end
        assert "Jupyter Server" in Path(log.split("own output: ")[1]).read_text()
    assert not any("ServerApp" in line for line in desk.said) and len(desk.said) <= 9
    run = desk.record.name[-8:]
    assert desk.said[-1] == f"Sealed: run {run}, verify: done. {desk.record}"
    assert {path.name for path in desk.record.iterdir()} >= {"notebook.ipynb", "report.html"}
    assert not [path for path in desk.record.iterdir() if path.is_symlink()]
    verified(pair)
