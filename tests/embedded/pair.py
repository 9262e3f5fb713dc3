"""The embedded pair: up, down, and what it looks like."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

from . import binaries, cluster, processes, ssh
from . import pair_file as pair_files
from .errors import LabError
from .lab import Lab, LabNode
from .node_status import NodeStatus, node_status
from .places import NODES, Places, find_places
from .state import HOST, LabState, ProcessId, choose_ports, load_state, locked, save_state

STARTS = ("clusters", "empty")


def up(
    folder: Path,
    *,
    start: str = "clusters",
    pair_file: Path | None = None,
    programs: Path | None = None,
) -> Lab:
    """Bring up the lab in `folder`: make what was never made, start what does not run; harmless
    when it is up.

    `start` counts when the lab is made: `clusters` is two independent clusters, `empty` leaves db1
    without a data directory. Later an existing data directory is started as it is, and a missing
    one stays missing. `pair_file` defaults to the one of last time, or else to `lab.yaml` in the
    folder. `programs` is the directory of PostgreSQL's programs, by default the wheel's; it counts
    when the lab is made, too.

    Raises LabError for every foreseeable fault. What was started before it goes on running: see
    `down`.
    """
    if start not in STARTS:
        raise LabError(f"a lab cannot start with {start!r}: say one of {', '.join(STARTS)}")
    places = find_places(folder)
    try:
        places.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(
            f"{places.folder} cannot be made ({error.strerror}): name another folder"
        ) from error
    with locked(places.folder):
        state = load_state(places.state_file) or _begin(places)
        if pair_file is not None:
            state.pair_file = str(pair_file.absolute())
        if not state.made:
            state.start = start
            state.programs = str(programs.absolute()) if programs else ""
        return _bring_up(places, state)


def down(folder: Path, *, remove: bool = False) -> None:
    """Stop everything that belongs to the lab in `folder`, and leave no process of it; harmless
    when it is down.

    `remove` deletes what the lab made, its records excepted. Raises LabError when a process cannot
    be ended.
    """
    places = find_places(folder)
    if not places.folder.exists():
        _stop(places, None)
        places.remove()  # its passwords went with the folder: nobody can use what is left
        return
    with locked(places.folder):
        state = load_state(places.state_file)
        _stop(places, state)
        if remove:
            if state is not None:
                pair_files.remove(Path(state.pair_file), places.folder)
            places.remove()


def status(folder: Path) -> list[NodeStatus]:
    """What runs of the lab in `folder`; an empty list when there is none."""
    places = find_places(folder)
    state = load_state(places.state_file)
    return [node_status(places, state, name) for name in NODES] if state is not None else []


def find(folder: Path) -> Lab:
    """The lab in `folder`, running or not. Raises LabError when there is none."""
    places = find_places(folder)
    state = load_state(places.state_file)
    if state is None:
        raise LabError(f"there is no lab in {places.folder}: run `python -m tests.embedded up`")
    return _lab(places, state, binaries.bin_directory(places, state.programs))


def _begin(places: Places) -> LabState:
    """A new lab. What an earlier one left without its memory (its folder was deleted) is stopped
    and cleared.
    """
    if places.carries_marker():
        _stop(places, None)
        places.remove()
        places.folder.mkdir(exist_ok=True)
    return LabState(
        home=str(places.home),
        user=places.user.name,
        pair_file=str(places.default_pair_file),
        start=STARTS[0],
        ports=choose_ports(),
    )


def _bring_up(places: Places, state: LabState) -> Lab:
    if state.home != str(places.home):
        raise LabError(
            f"{places.folder} was moved or copied (its servers live in {state.home}): name a "
            "new folder"
        )
    if not places.carries_marker():
        state.made = False  # the home is new, or it was cleaned away
    places.prepare()
    if not state.made:
        _stop(places, state)  # an `up` that was killed leaves its initdb at work
    save_state(places.state_file, state)
    ssh.write_keys(places, state.ports)
    cluster.write_passfiles(places, state.programs)
    with ThreadPoolExecutor() as pool:
        shells = {
            node.name: pool.submit(_start_ssh, places, state, node.name) for node in places.nodes
        }
        try:
            programs = binaries.bin_directory(places, state.programs)
            _make(places, state, programs, pool)
            _start(places, state, programs, pool)
        finally:
            _remember_ssh(places, state, shells)
    pair_files.write(Path(state.pair_file), pair_files.render(places, programs, state.ports))
    return _lab(places, state, programs)


def _start_ssh(places: Places, state: LabState, name: str) -> ProcessId:
    return ssh.start(places, places.node(name), state.ports[name].ssh, state.ssh.get(name))


def _remember_ssh(places: Places, state: LabState, shells: dict[str, "Future[ProcessId]"]) -> None:
    """Remember the ssh servers that started, then raise the error of one that did not."""
    state.ssh |= {
        name: shell.result() for name, shell in shells.items() if shell.exception() is None
    }
    save_state(places.state_file, state)
    for shell in shells.values():
        shell.result()


def _make(places: Places, state: LabState, programs: Path, pool: ThreadPoolExecutor) -> None:
    if state.made:
        return
    wanted = NODES if state.start == "clusters" else NODES[:1]
    making = [
        pool.submit(cluster.make, places, places.node(name), programs, state.ports[name].postgres)
        for name in wanted
    ]
    for future in making:
        future.result()
    state.made = True
    save_state(places.state_file, state)


def _start(places: Places, state: LabState, programs: Path, pool: ThreadPoolExecutor) -> None:
    starting = [
        pool.submit(cluster.start, places, node, programs, state.ports[node.name].postgres)
        for node in places.nodes
    ]
    for future in starting:
        future.result()


def _stop(places: Places, state: LabState | None) -> None:
    """The ssh servers first, so that nobody starts anything again; then PostgreSQL; then whatever
    is left.
    """
    shells = list(state.ssh.values()) if state is not None else []
    ssh.stop(shells)
    if not places.carries_marker():
        return
    cluster.stop_all(places.home)
    processes.kill_all(lambda: processes.all_of_lab(places.home))


def _lab(places: Places, state: LabState, programs: Path) -> Lab:
    nodes = {name: _lab_node(places, state, programs, name) for name in NODES}
    return Lab(
        places.folder, places.home, Path(state.pair_file), places.passfile, MappingProxyType(nodes)
    )


def _lab_node(places: Places, state: LabState, programs: Path, name: str) -> LabNode:
    node, ports = places.node(name), state.ports[name]
    return LabNode(name, HOST, ports.postgres, ports.ssh, node.data, programs, node.home)
