"""Fencing by two programs of the pair file: one takes a node away, one says that it is."""

from __future__ import annotations

import shlex
import time

from ...facts.vantages import reached
from ...judgement.plans.fencing import place_of
from ...model import DeedKind, Fence
from ...model.errors import CommandFailed, HaError, NotAchieved, Refusal, TooSlow
from ...model.pair import Commands
from ...model.show import span
from ...run.run import Run
from ...wire.doors import Door
from ...wire.shell import Answer


def fence_by_command(run: Run, name: str) -> str:
    """Run the node's fence command, then its check until that succeeds.

    Gives the evidence, in words. The command is always run, even where the check already agrees: a
    check that only finds the node unreachable would else be taken for a fence. Raises Refusal, with
    nothing changed, where its programs cannot be found, and NotAchieved where the command or the
    check fails, or somebody still reaches the node.
    """
    fence = run.pair[name].fence
    assert fence, "only a node that has a fence command is fenced by it"
    door = _door(run, name, fence)
    where = place_of(fence)
    _find_programs(door, fence, name, where)
    did = f"fence it: {shlex.join(fence.command)}, on {where}"
    with run.deed(name, did, DeedKind.FENCE) as deed:
        answer = _ask(door, fence.command, fence.within)
        if isinstance(answer, str) or answer.status:
            raise _not_fenced(name, "fence command", answer)
        _wait_for_check(door, name, fence)
        _see_nobody_reach_it(run, name)
        words = (
            f"fence command on {where} succeeded, its check agrees, and nobody reaches it any more"
        )
        deed.say(f"fenced: {words}")
    return words


def disable_service(run: Run, name: str) -> None:
    """Keep the service manager from starting the server by itself, where the pair file says how."""
    door = run.doors[name]
    service = run.pair[name].service
    if not (isinstance(service, Commands) and service.disable):
        return
    with run.deed(name, "disable its service", DeedKind.DISABLE_SERVICE):
        door.login.run(*service.disable)


def _door(run: Run, name: str, fence: Fence) -> Door:
    witness = next((w for w in run.pair.witnesses if w.name == fence.witness), None)
    if witness:
        return run.elsewhere(witness.name, witness.ssh, witness.bin_directory)
    return run.elsewhere(f"fence of {name}", fence.ssh)


def _find_programs(door: Door, fence: Fence, name: str, where: str) -> None:
    for program in dict.fromkeys((fence.command[0], fence.check[0])):
        if door.script('command -v -- "$1" >/dev/null', program, okay=(0, 1, 127)).status:
            raise Refusal(
                f"{name} cannot be fenced: there is no program {program} on {where}", _REMEDY
            )


_REMEDY = (
    'mend its fence in the pair file, or switch it off yourself and say so: fenced_by="who and how"'
)


def _ask(door: Door, words: tuple[str, ...], within: float) -> Answer | str:
    """What a program answered, or why it did not."""
    try:
        return door.run(*words, within=within, okay=range(256))
    except (TooSlow, CommandFailed) as trouble:
        return trouble.what


def _wait_for_check(door: Door, name: str, fence: Fence) -> None:
    """The check, again and again: a machine takes seconds to go off.

    Raises NotAchieved with what it said last.
    """
    deadline = time.monotonic() + fence.within
    pause = 0.05
    while True:
        answer = _ask(door, fence.check, max(1.0, deadline - time.monotonic()))
        if not isinstance(answer, str) and answer.status == 0:
            return
        if time.monotonic() > deadline:
            raise _not_fenced(name, f"fence check, {span(fence.within)} after its command,", answer)
        time.sleep(pause)
        pause = min(2 * pause, 1.0)


def _not_fenced(name: str, program: str, answer: Answer | str) -> NotAchieved:
    if isinstance(answer, str):
        return NotAchieved(f"{name} is not fenced: {answer}", _REMEDY)
    said = answer.complaint or answer.text or "no words"
    return NotAchieved(
        f"{name} is not fenced: its {program} ended with status {answer.status}: {said}", _REMEDY
    )


def _see_nobody_reach_it(run: Run, name: str) -> None:
    """Raises where somebody still reaches PostgreSQL there.

    A check that says off is wrong then, or about another machine.
    """
    try:
        alive = [v for v in reached(run, name) if v.alive]
    except HaError as trouble:
        raise NotAchieved(
            f"{name} could not be looked at after its fence: {trouble.what}", "run it again"
        ) from None
    if alive:
        told = "; ".join(f"{v.place}: {v}" for v in alive)
        raise NotAchieved(
            f"the fence check says that {name} is off, but it is reached from {told}", _REMEDY
        )
