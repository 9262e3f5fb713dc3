"""A kernel that has run the cells before: what they cost where nothing is started or imported any
more.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import psutil
from jupyter_client.manager import start_new_kernel

_LONGEST = 60.0  # seconds


class WarmKernel:
    """A kernel of this virtual environment, from the beginning of a block until its end."""

    def __enter__(self) -> WarmKernel:
        os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._manager, self._client = start_new_kernel(kernel_name="python3", **quiet)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def run(self, sources: Sequence[str]) -> list[float]:
        """Run cells one after the other; the seconds that each took. Raises RuntimeError if one
        fails.
        """
        return [self._cell(source) for source in sources]

    @property
    def worked(self) -> float:
        """Seconds of the processor that this kernel has used so far."""
        used = psutil.Process(self._manager.provisioner.pid).cpu_times()  # type: ignore[union-attr]
        return used.user + used.system

    def _cell(self, source: str) -> float:
        began = time.monotonic()
        reply = self._client.execute_interactive(
            source, allow_stdin=False, timeout=_LONGEST, output_hook=_ignore
        )
        seconds = time.monotonic() - began
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"in the warm kernel:\n{source}\n{reply['content'].get('evalue')}")
        return seconds


def _ignore(_: Any) -> None:
    """What the cell prints is nobody's business here."""
