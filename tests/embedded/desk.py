"""`make lab`: the embedded pair up and JupyterLab open on copies of the notebooks; Ctrl-C takes
both down.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from pgha_helpers.records.making.files import copy_notebook
from pgha_helpers.records.making.lab_server import jupyterlab, tab_name
from pgha_helpers.records.making.seal import complete_all
from pgha_helpers.run.checkout import CHECKOUT, environment
from pgha_helpers.run.parameters.notebooks import NOTEBOOKS
from pgha_helpers.run.parameters.pair_file import load_pair

from . import down, up

FOLDER = CHECKOUT / ".lab"
# both of its clusters are writable, so that setup would have to be told
_GIVEN = {"setup": {"primary": "db0"}}


def main(folder: Path = FOLDER) -> int:
    """Run until Ctrl-C or SIGTERM. Returns the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pair_file = CHECKOUT / "parameters" / "lab.yaml"
    up(folder, pair_file=pair_file)
    desk = folder / "notebooks"
    desk.mkdir(mode=0o700, exist_ok=True)
    for notebook in NOTEBOOKS:
        copy_notebook(
            notebook, {"pair": "lab", **_GIVEN.get(notebook, {})}, desk / tab_name(notebook, "lab")
        )
    told = environment(JUPYTER_PREFER_ENV_PATH="1")
    # a session of its own: Ctrl-C is ours to hear, so that both are taken down, in order
    first = tab_name("setup", "lab")
    jupyter = subprocess.Popen(jupyterlab(desk, first), start_new_session=True, env=told)
    try:
        print(
            f"The pair is up, JupyterLab is starting. Begin with {first}. Ctrl-C takes both down.",
            flush=True,
        )
        return jupyter.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        jupyter.terminate()
        jupyter.wait(30)
        complete_all(load_pair(str(pair_file)), "make lab", note=True)
        down(folder)
        print("JupyterLab and the pair are down.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
