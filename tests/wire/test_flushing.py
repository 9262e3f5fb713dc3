"""Getting what was copied onto the disk, under a kernel that tells of errors by file system, and
under an older one.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pgha_helpers.changes.deeds.flushing import flush


@pytest.mark.parametrize("kernel", ["4.18.0-553.el8", "5.7.19", "5.10.0-28-amd64", "6.1.0"])
def test_everything_is_synced_by_files_or_by_file_systems(tmp_path: Path, kernel: str) -> None:
    """Which of both is seen by the programs that are called: `find` is, only by the older
    kernels.
    """
    programs, called = tmp_path / "programs", tmp_path / "called"
    programs.mkdir()
    for name, does in {
        "uname": f"echo {kernel}",
        "find": f'echo >> {called}; exec /usr/bin/find "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    data = tmp_path / "data"
    (data / "base").mkdir(parents=True)
    (data / "base" / "1259").write_bytes(b"x" * 8192)

    def synced(*places: Path) -> int:
        words = ["sh", "-c", flush() + 'sync_all "$@"', "sh", *map(str, places)]
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            words, env={**os.environ, "PATH": path}, capture_output=True
        ).returncode

    assert synced(data, data / "base") == 0
    assert called.exists() == kernel.startswith(("4.", "5.7")), kernel
    assert synced(data, data / "gone") != 0, "what is not there is told"
