"""What lies in a node's data directory beside PostgreSQL's own, whether its server runs or not."""

from __future__ import annotations

from ..model.foreign import text_of
from ..model.node_config import NodeConfig, node_config_of
from ..wire.doors import Door
from .configured import configuration

#: Where a node's own things lie: in its data directory; after a rewind that did not end, in what
#: was saved before it.
_HOME = r"""
data=$(readlink -m -- "$1")
if [ -e "$data/PG_VERSION" ]; then printf '%s\n' "$data"; exit 0; fi
for half in "$data".rewinding-* "$data".half-rewound.aside-*; do [ ! -d "$half" ] || saved=yes; done
[ -z "$saved" ] || ls -d -- "$data".before-rewind.aside-*/own | tail -n 1
"""
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
    found = configuration(door, home, door.node.config_directory)
    told = text_of(door.script(_TOP, home).stdout)
    top = {
        name: kind
        for kind, _, name in (entry.partition(" ") for entry in told.split("\0") if entry)
    }
    # an absolute path names the data directory, even where its content lies elsewhere for now
    homes = {
        home,
        door.node.data_directory.rstrip("/"),
        door.run("readlink", "-m", "--", door.node.data_directory).text,
    }
    # the pair file names some, too
    paths = sorted({*found.named, door.node.passfile, door.node.state_directory})
    return node_config_of(
        home, homes, top, paths, found.settings.get("log_directory", ""), found.hba
    )
