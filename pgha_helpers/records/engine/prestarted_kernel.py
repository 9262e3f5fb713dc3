"""A kernel that is begun before papermill is imported.

Both take most of a second, and so they do at the same time. Standard library only, because whoever
begins a kernel has imported nothing else yet.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...model.foreign import lines_of, text_of
from ...run.checkout import RECORD, ROAD, environment, python
from .signals import stopping

#: What the first cell will need; the kernel imports it while it would only wait.
_WARM = "import pgha_helpers.records.making.begin as _, psycopg2 as _, paramiko as _"
_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


@dataclass(frozen=True)
class EarlyKernel:
    """A kernel of this very Python, its connection, and the file of its complaints."""

    process: subprocess.Popen[bytes]
    connection: dict[str, Any]
    complaints: Path

    def announce(self, folder: Path) -> None:
        """Tell the kernel's first run which folder is for it."""
        (self.complaints.parent / "record").write_text(str(folder), "utf-8", "surrogateescape")

    def complaint(self) -> str:
        """Its last line of stderr: why it has ended before it was ready."""
        lines = lines_of(text_of(self.complaints.read_bytes()).strip())
        return lines[-1] if lines else ""

    def kill(self) -> None:
        """End it, if it still runs, and wait for its end."""
        if self.process.poll() is None:
            self.process.kill()
        # stuck in the kernel of the machine: nothing else can be done
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)


@contextmanager
def early_kernel() -> Iterator[EarlyKernel]:
    """A kernel for a notebook that will be run as soon as everything is loaded.

    It ends with the block, at the latest. From here on a signal that ends programs raises
    SignalReceived, so that nothing is left behind.
    """
    with stopping(), TemporaryDirectory(prefix="pgha-") as private:
        kernel = _begin(Path(private))
        try:
            yield kernel
        finally:
            kernel.kill()


def _begin(private: Path) -> EarlyKernel:
    """Its sockets lie in `private`: over TCP any user of this machine could listen to it."""
    connection = {name: number for number, name in enumerate(_PORTS, 1)} | {
        "transport": "ipc",
        "ip": str(private / "kernel"),
        "key": secrets.token_hex(32),
        "signature_scheme": "hmac-sha256",
        "kernel_name": "python3",
    }
    file, complaints = private / "connection.json", private / "complaints"
    file.touch(mode=0o600)
    file.write_text(json.dumps(connection), "utf-8")
    command = python("ipykernel_launcher", "-f", str(file), "--HistoryManager.hist_file=:memory:")
    with complaints.open("wb") as errors:
        process = subprocess.Popen(
            [*command, f"--IPKernelApp.exec_lines={_WARM}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            # the kernel ends by itself when its parent does
            env=environment(
                **{
                    RECORD: str(private / "record"),
                    ROAD: "pgha run",
                    "JPY_PARENT_PID": str(os.getpid()),
                }
            ),
            start_new_session=True,
        )
    return EarlyKernel(process, connection, complaints)
