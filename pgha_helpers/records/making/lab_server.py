"""JupyterLab as a program of ours: how it is started, where its page is, and where its words go."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from ...model.foreign import ODD, text_of
from ...run.checkout import python

# overrides.json: the notebook is saved every few seconds
SETTINGS = Path(__file__).parent / "jupyterlab"
# keeps JupyterLab's questions about the file away from the gate
CONTENTS = "pgha_helpers.records.making.contents.Contents"
_LAST = 12  # lines of its log that are shown where it ended by itself


def jupyterlab(root: Path, first: str, *, browser: bool = True) -> list[str]:
    """The command that opens this environment's JupyterLab on `root`, on 127.0.0.1 only."""
    command = python("jupyterlab", "--ip=127.0.0.1", f"--ServerApp.root_dir={root}")
    command += [
        f"--LabApp.default_url=/lab/tree/{quote(first)}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        f"--LabApp.app_settings_dir={SETTINGS}",
        f"--ServerApp.contents_manager_class={CONTENTS}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if not browser:
        command.append("--no-browser")
    return command


def tab_name(notebook: str, pair: str) -> str:
    """What a browser's tab is called by: the file that JupyterLab has open."""
    return f"{notebook} {pair}.ipynb"


class LabServer:
    """JupyterLab at work, in a session of its own: Ctrl-C is ours to hear, it would ask back."""

    def __init__(
        self, root: Path, first: str, told: Mapping[str, str], *, browser: bool = True
    ) -> None:
        self._first = first
        file, name = tempfile.mkstemp(".log", "pgha-jupyterlab-")
        self.log = Path(name)
        with os.fdopen(file, "wb") as log:
            self.process = subprocess.Popen(
                jupyterlab(root, first, browser=browser),
                start_new_session=True,
                env=told,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def address(self) -> str:
        """Where its page is, once it is up, by the file that it writes; empty if it has ended."""
        from jupyter_core.paths import jupyter_runtime_dir

        began = time.time()
        told = Path(jupyter_runtime_dir(), f"jpserver-{self.process.pid}.json")
        while self.process.poll() is None:
            with contextlib.suppress(OSError, *ODD):
                if told.stat().st_mtime >= began - 1:  # else another one's, who had this number
                    server = json.loads(told.read_text("utf-8"))
                    return f"{server['url']}lab/tree/{quote(self._first)}?token={server['token']}"
            time.sleep(0.1)
        return ""

    def last_words(self) -> str:
        """The end of what it said."""
        return "\n".join(text_of(self.log.read_bytes()).splitlines()[-_LAST:])

    def end(self) -> None:
        """End it, and with it its kernels, if it still runs."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
