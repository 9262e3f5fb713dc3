"""What lies in a node's data directory beside PostgreSQL's own, whether its server runs or not."""

from __future__ import annotations

from ..model.foreign import text_of
from ..model.node_config import NodeConfig, NodeConfigs, node_config_of
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file
from .configured import configuration

_HOME = script_file(__file__, "home.sh")
_TOP = r"""cd "$1" && find . -mindepth 1 -maxdepth 1 -printf '%y %f\0'"""


def home_of(door: Door) -> str:
    """Where the node's own things lie; empty where it has no cluster."""
    return door.script(_HOME, door.node.data_directory).text


def read_node_config(door: Door, directory: str = "") -> NodeConfig:
    """What is the node's own; nothing where it has no cluster.

    `directory` is another one than its data directory. Raises Unreachable, TooSlow or
    CommandFailed.
    """
    home = directory or home_of(door)
    if not home:
        return NodeConfig()
    node = door.node
    found = configuration(door, home, node.config_directory)
    # an absolute path names the data directory, even where its content lies elsewhere for now
    real = door.run("readlink", "-m", "--", node.data_directory).text
    homes = {home, node.data_directory.rstrip("/"), real}
    # the pair file names some, too
    paths = sorted({*found.named, node.passfile, node.state_directory})
    logs = found.settings.get("log_directory", "")
    return node_config_of(home, homes, _top(door, home), paths, logs, found.hba)


def read_node_configs(run: Run, name: str) -> NodeConfigs:
    """What is the node's own, and what is the other one's."""
    first, second = run.both(lambda each: read_node_config(run.doors[each]))
    if name == run.pair.names[0]:
        return NodeConfigs(first, second)
    return NodeConfigs(second, first)


def _top(door: Door, home: str) -> dict[str, str]:
    """What lies on top of a directory: by its name of which kind it is, as `find` tells it."""
    answer = door.script(_TOP, home)
    kinds = {}
    for entry in text_of(answer.stdout).split("\0"):
        kind, _, name = entry.partition(" ")
        if name:
            kinds[name] = kind
    return kinds
