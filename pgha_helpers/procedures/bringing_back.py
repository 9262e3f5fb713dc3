"""The old primary comes back as a standby of the new one."""

from __future__ import annotations

from ..actions import servers, slots, standby, stopping
from ..checks import AFTER
from ..facts import look, until
from ..model import Hung, Stopped
from ..run import Run


def bring_back(run: Run, old: str, new: str) -> None:
    """Start the old primary as a standby and see it stream. Raises NotAchieved or Undecided where it does not."""
    now = look(run)
    major = now.primary.version // 10000
    slots.ensure_slot(run, new, old, reserve=True)
    if isinstance(seen := now[old], Hung) and not seen.starting:  # the window does not wait for the last process
        stopping.wait_until_gone(run, old)
        now = look(run)
    if isinstance(now[old], Stopped):
        standby.define(run, old, major)
        standby.arm(run, old, major)
    log = servers.start(run, old)
    until(run, *AFTER, within=run.timeouts.attach, log=log)
    slots.drop_own_slot(run, old, new)
