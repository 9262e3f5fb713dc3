"""Stopping a primary that clients use.

Watched phase by phase, and with a choice made before it for its deadline.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...facts.disk import parse_control
from ...facts.processes import process_in_words, read_processes, shutdown_phase
from ...model import Control, DeedKind, Phase, Process, Sender
from ...model.errors import HaError, NotAchieved, Refusal, Undecided
from ...model.phases import CHECKPOINT_IS_WRITTEN, STOPPED
from ...model.show import span
from ...run.events import DEADLINE, STOPPING
from ...run.run import Run
from ...wire.doors import Door
from ...wire.scripts import script_file
from . import servers

# looks at the control file in one command: 3 ms each, so that a wait costs one round trip and not
# many
_TURNS = 60
_GRACE = 5.0  # seconds that a shutdown which is given up may go on by itself
_LAST = 1.0  # the same when all is written, and only others still want it from there
_EVERY = 5.0  # seconds between two lines about the same phase

#: One whose peer reads nothing is stuck again, in telling it so, and ends at the second signal
#: (seen on 18).
_END = """
for turn in 1 2 3; do kill -TERM "$@" 2>/dev/null || exit 0; sleep 0.3; done
"""

_GLANCE = script_file(__file__, "glance.sh")


class Watching:
    """A shutdown under way, told line by line.

    Which phase it is in, for how long, and whom it waits for.
    """

    def __init__(self, run: Run, door: Door, senders: Sequence[Sender] = ()) -> None:
        self._run = run
        self._door = door
        self._senders = tuple(senders)
        self._began = self._told = time.monotonic()
        self._last = ""

    @property
    def seconds(self) -> float:
        """Since when it is watched."""
        return time.monotonic() - self._began

    def look(self) -> Phase:
        """The phase it is in now.

        A shell that does not answer is told as such, and is no verdict.
        """
        try:
            phase = shutdown_phase(self._door)
        except HaError as silence:
            phase = Phase(f"its shell does not answer: {silence.what}")
        if phase.name != self._last or time.monotonic() - self._told > _EVERY:
            self._last = phase.name
            self._told = time.monotonic()
            words = self.words(phase)
            self._run.journal.write(
                STOPPING, node=self._door.node.name, phase=words, seconds=self.seconds
            )
            print(f"  {self._door.node.name}: {words} ({self.seconds:.1f} s)", flush=True)
        return phase

    def words(self, phase: Phase) -> str:
        """The phase, and everybody whom it waits for."""
        named = "; ".join(process_in_words(process, self._senders) for process in phase.waits_for)
        return f"{phase.name}: {named}" if named else phase.name

    def others(self, phase: Phase, spare: str) -> list[Process]:
        """The walsenders that are waited for, without those that feed `spare`."""
        spared = {sender.pid for sender in self._senders if sender.application == spare}
        walsenders = [process for process in phase.waits_for if process.kind == "walsender"]
        return [process for process in walsenders if process.pid not in spared]


def stop_primary(run: Run, name: str, senders: Sequence[Sender], spare: str) -> Control:
    """Stop an armed primary fast; gives its control file, which says "shut down".

    Its last process may linger. At the deadline it does what the parameter `on_deadline` says:
    `wait` goes on for `timeouts.wait_longer`; `cancel` ends the walsenders that it waits for, but
    never those that feed `spare`, and waits once more; `abort`, and the others when that was in
    vain, raises NotAchieved with the phase and everybody who is in the way.
    """
    door = run.doors[name]
    watching = Watching(run, door, senders)
    with run.deed(name, "stop the primary", DeedKind.STOP_PRIMARY) as deed:
        control = _until_shut_down(run, door, watching, spare)
        deed.say(
            f"stopped the primary: control file says shut down, checkpoint at {control.checkpoint}"
        )
    return control


def _until_shut_down(run: Run, door: Door, watching: Watching, spare: str) -> Control:
    patience: float = run.timeouts.shutdown
    chosen = [str(run.parameters.get("on_deadline", "abort"))]
    control = None
    while True:
        # until the first answer nobody knows whether the signal arrived; to send it twice does no
        # harm
        control = glance(door, _TURNS, "" if control else "INT")
        if control and control.shut_down_as_primary:
            return control
        if control and "recovery" in control.state:
            raise NotAchieved(
                f"{door.node.name} was started again by somebody, as a standby: {control.state}"
            )
        phase = watching.look()
        if phase.name == STOPPED and not ((last := glance(door)) and last.shut_down_as_primary):
            raise NotAchieved(f"{door.node.name} has ended without a shutdown checkpoint: {last}")
        if watching.seconds > patience:
            patience = watching.seconds + _at_deadline(run, door, watching, phase, chosen, spare)


def wait_until_gone(run: Run, name: str) -> None:
    """Wait for the last process of a server that has shut down.

    Walsenders and the archiver may have work left. It has nothing more to write, so `on_deadline`
    is heeded here, too. Raises Undecided that names who is in the way.
    """
    door = run.doors[name]
    watching = Watching(run, door)
    patience: float = run.timeouts.shutdown
    chosen = [str(run.parameters.get("on_deadline", "abort"))]
    with run.deed(name, "see its last process end", DeedKind.WAIT_FOR_END) as deed:
        deed.changed = False
        while read_processes(door):
            phase = watching.look() if watching.seconds > _LAST else None
            if phase and watching.seconds > patience:
                try:
                    patience = watching.seconds + _at_deadline(
                        run, door, watching, phase, chosen, ""
                    )
                except NotAchieved as late:
                    raise Undecided(late.what, late.remedy) from None
            time.sleep(0.01)


def glance(door: Door, turns: int = 1, signal: str = "") -> Control | None:
    """The control file alone, as soon as it says "shut down", or after so many turns.

    None where it cannot be read. With `signal` the postmaster gets it before the first look, if the
    node is armed. A file that is being written reads as damaged, and a shell can be lost for a
    moment: neither is a verdict.
    """
    try:
        told = door.script(
            _GLANCE, door.node.data_directory, door.node.bin_directory, str(turns), signal
        )
    except Refusal:
        return None
    control = parse_control(told.lines)
    return control if isinstance(control, Control) else None


def _at_deadline(
    run: Run, door: Door, watching: Watching, phase: Phase, chosen: list[str], spare: str
) -> float:
    """Do what was chosen, once; gives the seconds that may still pass.

    Raises NotAchieved when no choice is left.
    """
    choice = chosen.pop() if chosen else "abort"
    words = watching.words(phase)
    run.journal.write(
        DEADLINE, node=door.node.name, phase=words, seconds=watching.seconds, choice=choice
    )
    if choice == "wait":
        print(
            f"  The deadline of {span(run.timeouts.shutdown)} has passed; on_deadline=wait goes on",
            flush=True,
        )
        return run.timeouts.wait_longer
    others = watching.others(phase, spare)
    if choice == "cancel" and others:
        end_walsenders(run, door, others, watching)
        return run.timeouts.shutdown
    raise NotAchieved(
        f"{door.node.name} has not shut down after {span(watching.seconds)}; {words}",
        "end what is in the way, or choose on_deadline=wait, or on_deadline=cancel to end "
        "walsenders of third parties",
    )


def end_walsenders(run: Run, door: Door, others: Sequence[Process], watching: Watching) -> None:
    """End these walsenders.

    Whoever they feed connects again, and gets the rest from wherever it may.
    """
    named = watching.words(Phase("walsenders", tuple(others)))
    with run.deed(door.node.name, f"end {named}", DeedKind.END_WALSENDERS):
        door.script(_END, *(str(process.pid) for process in others))


def end_shutdown(run: Run, name: str) -> None:
    """Bring a shutdown that is given up to its end, so that the server can be started again.

    Nothing is lost by it: what was acknowledged is in the WAL on this very disk, and crash recovery
    replays it. A checkpoint that is being written may take its time; whatever else holds the
    shutdown gets a few seconds, then the server is stopped at once (SIGQUIT), and at last its
    processes are killed.
    """
    door = run.doors[name]
    watching = Watching(run, door)
    with run.deed(name, "bring the shutdown to its end", DeedKind.END_SHUTDOWN) as deed:
        if not read_processes(door):
            deed.already("no process was left")
            return
        while watching.seconds < _patience(run, door, watching):
            if not read_processes(door):
                return
            time.sleep(0.02)
        servers.signal_postmaster(door, "QUIT")
        deed.say("stopped at once: its shutdown hung, and crash recovery replays the rest")
        try:
            servers.wait(
                lambda: None if read_processes(door) else True,
                10,
                lambda: NotAchieved("it hangs"),
                0.02,
            )
        except NotAchieved:
            servers.end_every_process(run, name)


def _patience(run: Run, door: Door, watching: Watching) -> float:
    """Seconds that a shutdown which is given up may take, by the phase that it is in."""
    if watching.look().name == CHECKPOINT_IS_WRITTEN:
        return run.timeouts.shutdown
    control = glance(door)
    return _LAST if control and control.shut_down_as_primary else _GRACE
