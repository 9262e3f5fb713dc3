"""The copy itself.

Half a copy has no control file: nobody can start it, and the next run goes on from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ....facts.files import real_path
from ....facts.node_config import read_node_config, read_node_configs
from ....facts.processes import read_processes
from ....facts.rsync import UNCONFIGURED, RsyncRoad, may_be_written_into, rsync_road
from ....facts.starting import what_stays
from ....facts.tablespaces import place_tablespaces, tablespaces_of
from ....judgement.plans.copying import Copying, refuse_copy
from ....model import DeedKind, Running
from ....model.errors import NotAchieved, Refusal
from ....model.node_config import NodeConfig, NodeConfigs
from ....run.run import Run
from ....wire.doors import Door
from ....wire.scripts import script_file
from ..clone import make_tablespaces
from ..node_config import bring_node_config
from ..servers import wait
from ..slots import ensure_slot
from . import delivery
from .aside import move_aside
from .backup import Backup
from .copied import Copy

_OPEN = script_file(__file__, "open.sh")

#: $1 the copy, $2 its WAL where that lies elsewhere.
_BESIDE = """
set -e
for d; do [ -z "$d" ] || mkdir -m 700 -- "$d"; done
[ -z "$2" ] || ln -s -- "$2" "$1/pg_wal"
"""

_COPIERS = script_file(__file__, "copiers.sh")


def copy_in_place(
    run: Run, name: str, source: Running, before: Callable[[], object] = lambda: None
) -> None:
    """Make the stopped node's own data directory a copy of `source`, ready to be started.

    Its configuration stays; its WAL, slots and control file are moved aside and kept. `before` is
    called before that. Raises Refusal before anything of the node was touched: no road, a server or
    another rsync at work in the directory, or not a data directory.
    """
    door = run.doors[name]
    ensure_slot(run, source.node, name, reserve=True)
    looked = run.aside(lambda: _look(run, name))  # while the primary writes its checkpoint
    with Backup(run, source) as backup:
        way, target = looked.result()
        spaces = place_tablespaces(door, target, way, tablespaces_of(run, source))
        into = run.aside(
            lambda: may_be_written_into(door, target, *(space.target for space in spaces))
        )
        before()
        fresh = _open(door, target)
        move_aside(run, name, target)
        if fresh:
            configs = NodeConfigs(NodeConfig(), read_node_config(run.doors[source.node]))
        else:
            configs = read_node_configs(run, name)
        stays = None if fresh else run.aside(lambda: what_stays(run, name, target))
        copy = Copy(
            run, door, way, source, target, configs, taken=fresh, spaces=tuple(spaces), into=into
        )
        _copied(run, name, copy)
        own = stays.result() if stays else bring_node_config(run, name, target, configs)
        delivery.deliver(copy, backup, own)


def copy_beside(run: Run, name: str, source: Running, copying: Copying) -> str:
    """Copy `source` into a fresh directory beside; gives its path, ready to be moved in.

    What the old directory has in common is copied from there: for that it must be stopped. Raises
    Refusal as `copy_in_place` does, and where there is no room or the directory cannot be renamed.
    """
    way, target = _look(run, name)
    door = run.doors[name]
    ensure_slot(run, source.node, name, reserve=True)
    refuse_copy(copying)
    configs = read_node_configs(run, name)
    beside = f"{target}.clone-{run.id}"
    make_tablespaces(run, door, copying, source)
    made = {part.source: f"{part.beside}.clone-{run.id}" for part in copying.tablespaces}
    with Backup(run, source) as backup:
        copy = Copy(
            run,
            door,
            way,
            source,
            beside,
            configs,
            spaces=tuple(
                replace(space, target=made[space.location]) for space in tablespaces_of(run, source)
            ),
            basis=target if configs.mine.home == target else "",
        )
        door.script(_BESIDE, beside, f"{copying.wal.beside}.clone-{run.id}" if copying.wal else "")
        _copied(run, name, copy)
        delivery.deliver(copy, backup, bring_node_config(run, name, beside, configs))
    return beside


def _look(run: Run, name: str) -> tuple[RsyncRoad, str]:
    """The road, and the real path of the node's directory.

    Raises Refusal where there is no road, or somebody is at work in the directory.
    """
    door = run.doors[name]
    found = rsync_road(run, name)
    if isinstance(found, str):
        raise Refusal(
            f"{name} cannot be copied to by rsync: {found}", "mend that, or leave method empty"
        )
    target = real_path(door, run.pair[name].data_directory)
    _nobody_works_in(run, door, target)
    return found, target


def _nobody_works_in(run: Run, door: Door, target: str) -> None:
    name = door.node.name
    if left := read_processes(door):
        raise Refusal(
            f"{target} on {name} is still open: {'; '.join(map(str, left))}",
            f"stop the server of {name}",
        )

    def free() -> bool | None:
        return None if door.script(_COPIERS, target).text else True

    # that of a runbook that was killed ends by itself in a moment
    wait(
        free,
        run.timeouts.attach,
        lambda: NotAchieved(f"a copy goes on in {target} on {name}", "end it"),
        0.1,
    )


def _open(door: Door, target: str) -> bool:
    """Whether the directory has no configuration of its own; made if it is not there."""
    state = door.script(_OPEN, target, UNCONFIGURED).text
    if state == "foreign":
        raise Refusal(
            f"{target} on {door.node.name} is neither empty nor a data directory",
            "move what is in it elsewhere",
        )
    return state == "fresh"


def _copied(run: Run, name: str, copy: Copy) -> None:
    with run.deed(
        name,
        f"copy {copy.source.node} into {copy.directory} by rsync, compared by content",
        DeedKind.RSYNC,
    ) as deed:
        moved = copy.make()
        deed.say(f"copied {copy.source.node} into {copy.directory} {copy.road} by rsync: {moved}")
