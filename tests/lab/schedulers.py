"""Who runs what is scheduled: cron's own daemon, and systemd as process 1.

Each sees mounts of its own, which go with it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

_CRON = """
set -e; cd {folder}
mount -t tmpfs none over; mkdir over/upper over/work
mount -t overlay none -o lowerdir=/usr/sbin,upperdir=over/upper,workdir=over/work /usr/sbin
install -m 755 mailer /usr/sbin/sendmail
mount -t tmpfs none /run
mount -t tmpfs none /var/spool/cron/crontabs
install -m 600 crontab /var/spool/cron/crontabs/root
exec cron -f
"""
_SYSTEMD = """
set -e; cd {folder}
mount -t tmpfs none over; mkdir over/upper over/work
mount -t overlay none -o lowerdir=/,upperdir=over/upper,workdir=over/work root
echo uninitialized > root/etc/machine-id
wanted=root/etc/systemd/system/timers.target.wants; mkdir -p $wanted
cp units/* root/etc/systemd/system/
for timer in units/*.timer; do ln -s ../"${{timer#units/}}" $wanted/; done
exec systemd-nspawn -q -D root --machine=pgha-{pid} --register=no --keep-unit --console=pipe \\
  --bind={shared} /lib/systemd/systemd --unit=basic.target --show-status=false
"""


@contextlib.contextmanager
def cron(folder: Path, lines: str) -> Iterator[Path]:
    """cron's daemon with this crontab of root's; gives the folder in which mails arrive."""
    (mails := folder / "mails").mkdir()
    (folder / "mailer").write_text(f"#!/bin/sh\ncat > {shlex.quote(str(mails))}/$$\n")
    (folder / "crontab").write_text(lines)
    with _apart(folder, _CRON.format(folder=shlex.quote(str(folder)))):
        yield mails


@contextlib.contextmanager
def systemd(folder: Path, units: Mapping[str, str], shared: Path) -> Iterator[Path]:
    """systemd with these units, its timers enabled, on this machine's own network.

    Its disk is this machine's, on which it writes nothing, but for what is `shared`. Gives the file
    of what its console says.
    """
    (folder / "root").mkdir()
    (folder / "units").mkdir()
    for name, text in units.items():
        (folder / "units" / name).write_text(text)
    words = {
        name: shlex.quote(str(path)) for name, path in (("folder", folder), ("shared", shared))
    }
    with _apart(folder, _SYSTEMD.format(**words, pid=os.getpid())):
        yield folder / "said"


@contextlib.contextmanager
def _apart(folder: Path, script: str) -> Iterator[None]:
    (folder / "over").mkdir()
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    with (folder / "said").open("wb") as said:
        streams = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said}
        process = subprocess.Popen(words, start_new_session=True, **streams)  # type: ignore[call-overload]
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
