"""Who else has a hand in a node's server: its processes, each as it is when it is told."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from pgha_helpers.facts.host import _SCRIPT
from pgha_helpers.wire.pipes import LocalPipes
from pgha_helpers.wire.shell import Shell

#: Becomes another program, as a child of Python's does right after it was made.
_BECOMES = "import os, signal, sys; signal.signal(signal.SIGUSR1, lambda *_: os.execv({}, {})); "
_BECOMES += "print(flush=True); signal.pause()"
#: Between the search through the names and what is asked of those that it found.
_MEANWHILE = """grep() {
  command grep "$@"
  found=$?
  if [ "$1" = -lxE ]; then
    kill -USR1 PID
    until command grep -qx ssh-keygen /proc/PID/comm; do :; done
  fi
  return $found
}
"""


def test_a_program_that_becomes_another_is_told_as_what_it_is(tmp_path: Path) -> None:
    """CI saw "ssh-keygen restarts PostgreSQL": of a run that was about to sign its record."""
    program = tmp_path / "ssh-keygen"
    shutil.copy(shutil.which("sleep") or "", program)
    code = _BECOMES.format(repr(str(program)), "['ssh-keygen', '60']")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={"PGDATA": str(tmp_path)}
    ) as process:
        try:
            assert process.stdout and process.stdout.readline()
            meanwhile = _MEANWHILE.replace("PID", str(process.pid))
            shell = Shell("here", lambda command: LocalPipes("sh", "-c", command), 5)
            told = shell.script(
                meanwhile + _SCRIPT, str(tmp_path), "/nowhere", "/var/tmp", "", "", ""
            )
            shell.close()
        finally:
            process.send_signal(signal.SIGKILL)
    assert f"(pid {process.pid})" not in told.text and "libc" in told.text
