"""Making the old primary unable to write: by its shell, its fence command, or somebody's word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..facts.processes import FENCED, parse_fenced
from ..facts.wal.lost_wal import FINGERPRINT
from ..judgement.plans import Plan
from ..model import Blank, Silent, Snapshot, dialect
from ..model.errors import Failure, HaError, NotAchieved, Refusal
from ..model.major import Major
from ..run.events import FENCED_BY, NOT_ARMED, NOT_DEFINED, NOT_DISABLED, NOT_FENCED
from ..run.run import Run
from .deeds import servers, standby
from .deeds.fence import disable_service, fence_by_command

FencedBy = Literal["ssh", "command", "word"]

#: What is asked right after the arming, in one round trip with it.
_LOOK = f"{FENCED}\necho wal\n{FINGERPRINT} 2>/dev/null; :"


@dataclass(frozen=True)
class Fenced:
    """By which way the old primary was fenced.

    Over ssh with the fingerprint of the WAL on a disk where nothing ran any more, if it was taken.
    """

    way: FencedBy
    fingerprint: str = ""


def fence(run: Run, plan: Plan, now: Snapshot, major: Major) -> Fenced:
    """Fence the old primary, and write down by which way and on what evidence.

    A shell that is lost half-way is followed by the fence command where there is one. Raises a
    Failure or, where nothing was changed, a Refusal; never is silence taken for a fence.
    """
    word = str(run.parameters["fenced_by"]).strip()
    has_command = run.pair[plan.peer].fence is not None
    answers = not isinstance(now[plan.peer], Silent)
    if answers:
        try:
            words, fingerprint = _over_ssh(run, plan, now, major, word)
            return _told(run, plan, "ssh", words, fingerprint)
        except HaError as failed:
            _go_on(run, plan, "ssh", failed, has_command)
    if has_command:
        run.lock.forget(plan.peer)
        try:
            words = fence_by_command(run, plan.peer)
            return _told(run, plan, "command", words)
        except HaError as failed:
            _go_on(run, plan, "command", failed, bool(word) and not answers)
    if not word:
        raise Refusal(
            f"{plan.peer} is silent, and nobody has said that it is off",
            "fenced_by, then run it again",
        )
    return _told(run, plan, "word", word)


def _told(run: Run, plan: Plan, way: FencedBy, words: str, fingerprint: str = "") -> Fenced:
    run.journal.write(FENCED_BY, node=plan.peer, way=way, words=words)
    return Fenced(way, fingerprint)


def _go_on(run: Run, plan: Plan, way: FencedBy, failed: HaError, has_another: bool) -> None:
    """Note that one way has failed; raise what went wrong if there is no other."""
    run.journal.write(NOT_FENCED, node=plan.peer, way=way, because=failed.what)
    if not has_another:
        raise failed
    print(f"  {plan.peer}: not fenced by {way}: {failed.what}", flush=True)


def _over_ssh(run: Run, plan: Plan, now: Snapshot, major: Major, word: str) -> tuple[str, str]:
    """End every process of the old primary; whatever starts it makes it a standby.

    That is made sure of first. Gives the evidence in words, and the fingerprint of its WAL if
    nothing ran any more. A disk that cannot be written cannot be armed: then somebody's word that
    it stays off has to do.
    """
    door = run.doors[plan.peer]
    directory = door.node.data_directory
    armed, said = False, ""
    if not isinstance(now[plan.peer], Blank):
        try:
            said = _arm(run, plan, major)
            armed = True
        except HaError as unarmed:
            if not word:
                words = f"{plan.peer} cannot be fenced: {unarmed.what}"
                raise Failure(words, "fenced_by, then run it again") from None
            run.journal.write(NOT_ARMED, node=plan.peer, because=unarmed.what)
        _disable(run, plan)
    if not said:
        said = door.script(_LOOK, directory).text
    processes, _, fingerprint = said.partition("\nwal\n")
    left, there = parse_fenced(processes)
    if left:
        servers.end_every_process(run, plan.peer)
        fingerprint = ""
        anew = door.script(FENCED, directory).text
        left, there = parse_fenced(anew)
    return _evidence(plan, (len(left), there), armed, word), fingerprint


def _arm(run: Run, plan: Plan, major: Major) -> str:
    """Make sure that whatever starts it makes it a standby.

    From 12 on the signal file alone keeps it from taking writes, and an empty file fits on a full
    disk (tried). Gives what is seen there right after.
    """
    if not dialect.has("standby_signal", major):
        standby.define(run, plan.peer, major)
    return standby.arm(run, plan.peer, major, _LOOK)


def define_afterwards(run: Run, plan: Plan, now: Snapshot, major: Major) -> None:
    """Once clients work again: write down whom the fenced node would follow.

    What cannot be written is told.
    """
    if isinstance(now[plan.peer], Blank) or not dialect.has("standby_signal", major):
        return
    try:
        standby.define(run, plan.peer, major)
    except HaError as undefined:
        run.journal.write(NOT_DEFINED, node=plan.peer, because=undefined.what)
        print(f"  {plan.peer}: its standby definition is not written: {undefined.what}", flush=True)


def _disable(run: Run, plan: Plan) -> None:
    """Disable its service.

    What is armed cannot come back writable, so a service that cannot be disabled is told, and no
    reason to stop.
    """
    try:
        disable_service(run, plan.peer)
    except HaError as trouble:
        run.journal.write(NOT_DISABLED, node=plan.peer, because=trouble.what)
        print(f"  {plan.peer}: its service is not disabled: {trouble.what}", flush=True)


def _evidence(plan: Plan, seen: tuple[int, tuple[str, ...]], armed: bool, word: str) -> str:
    """What was seen there last, in words: processes, and files of a standby definition.

    Raises NotAchieved if a process is there again, or the standby definition is not.
    """
    left, there = seen
    if left:
        raise NotAchieved(
            f"{plan.peer} was ended and runs again: {left} processes",
            "something starts it: stop that, or say how with service.disable in the pair file; "
            "then run this again",
        )
    if armed and not there:
        raise NotAchieved(
            f"{plan.peer} was armed and is not: something took that away",
            "find it, then run this again",
        )
    files = ", ".join(there) or "no standby definition"
    said = f"; {word}" if word else ""
    return f"over ssh: no process of its data directory is left, {files} in place{said}"
