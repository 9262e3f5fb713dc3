"""What is said when an ssh server is not one, or goes away."""

from __future__ import annotations

import subprocess
import sys

_TRY = """
import socket, threading
from pgha_helpers.errors import Unreachable
from pgha_helpers.model import Ssh
from pgha_helpers.wire.ssh import connect
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
try:
    connect(Ssh("127.0.0.1", listener.getsockname()[1]), 2)
except Unreachable as told:
    print(told.what)
"""


def test_a_server_that_hangs_up_is_told_in_words_and_not_in_a_traceback() -> None:
    """In a process of its own: where nobody has set up logging, paramiko's threads write to stderr."""
    told = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, text=True, check=True)
    assert "127.0.0.1" in told.stdout and "does not answer" in told.stdout
    assert told.stderr == ""
