"""A node's own things stay the node's, whatever copy it gets.

What a standby needs is changed in its configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ...facts.configured import configuration
from ...facts.connection import keys_of
from ...facts.node_config import read_node_config
from ...facts.starting import read_start
from ...model import Running, dialect
from ...model.errors import Refusal
from ...model.node_config import NodeConfig
from ...run.run import Run
from ...wire.doors import Door
from .access import hba_lines, lets_in
from .configuration import recovery_conf, standby_settings, with_hba, with_settings
from .files import read_file, write_file

# kB of a thing that is no configuration: what is larger stays in the old directory
_MOST = 64 * 1024

#: Links of the source, each as the file or folder that it leads to; the copy may have them as
#: links, or not at all.
_LENT = 'cd "$1" && shift && tar -chf - -- "$@" | base64 -w 0'
_TAKEN = (
    'cd "$1" && base64 -d > pgha-lent.tar && shift && rm -f -- "$@" && tar -xf '
    "pgha-lent.tar && rm pgha-lent.tar"
)


@dataclass(frozen=True)
class Configured:
    """By what configuration a copy is started: the node's own where it `stays`, else the source's.

    `has` is what the node's own would start with, by name, as far as that is known.
    """

    stays: bool = False
    has: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeConfigs:
    """What is each node's own: `mine` of the one that gets a copy, `theirs` of the source."""

    mine: NodeConfig
    theirs: NodeConfig

    @property
    def foreign(self) -> tuple[str, ...]:
        """What of the source's must not come along.

        Its logs, and its own where the node has its own.
        """
        return (*self.theirs.logs, *(self.theirs.named if self.mine.home else ()))


def read_node_configs(run: Run, name: str) -> NodeConfigs:
    """What is the node's own, and what is the other one's."""
    first, second = run.both(lambda each: read_node_config(run.doors[each]))
    if name == run.pair.names[0]:
        return NodeConfigs(first, second)
    return NodeConfigs(second, first)


def bring_node_config(run: Run, name: str, copy: str, configs: NodeConfigs) -> Configured:
    """Give a fresh copy of the other node what is the node's own.

    Done again it does the same again. A node that has nothing of its own gets the other one's, as
    files: a link may lead to what is only there.
    """
    door, mine, theirs = run.doors[name], configs.mine, configs.theirs
    if not mine.home:
        links = [link for link in theirs.links if link in theirs.named]
        if links:
            lent = run.doors[run.pair.other(name).name].script(_LENT, theirs.home, *links).stdout
            door.script(_TAKEN, copy, *links, stdin=lent)
        door.script('cd "$1" && shift && rm -rf -- "$@"', copy, *configs.foreign)
        return Configured()
    counts = (str(_MOST), str(len(configs.foreign)), str(len(mine.named)))
    told = (copy, mine.home, *counts, *configs.foreign, *mine.named, *mine.rest(theirs))
    if left := door.script(_script(), *told, within=door.patience).lines:
        print(
            f"  {name}: left in the old directory, too large or not readable: {', '.join(left)}",
            flush=True,
        )
    return Configured(True, _known(run))


@cache
def _script() -> str:
    return Path(__file__).with_name("node_config.sh").read_text("utf-8")


def what_stays(run: Run, name: str, directory: str) -> Configured:
    """By what a data directory that keeps its configuration would start."""
    return Configured(True, _known(run) or read_start(run.doors[name], directory).settings)


def _known(run: Run) -> Mapping[str, str]:
    """What the node's configuration was found to be at the gate.

    To ask again would take as long as it did there.
    """
    start = run.seen.start
    return start.settings if start else {}


def configure(run: Run, door: Door, copy: str, primary: Running, own: Configured) -> None:
    """Give the copy what a standby needs in its configuration, and our standby definition."""
    node, major = door.node, primary.version // 10000
    auto = f"{copy}/postgresql.auto.conf"
    _let_in(run, door, copy, primary)
    text = read_file(door, auto)
    if not (own.stays or node.config_directory):
        text = with_settings(text, _addresses(run, node.name, primary))
    if dialect.has("standby_signal", major):
        text = with_settings(text, standby_settings(run.pair, node, major, keys_of(run, node.name)))
        write_file(door, f"{copy}/standby.signal", "")
    else:
        write_file(
            door, f"{copy}/recovery.conf", recovery_conf(run.pair, node, keys_of(run, node.name))
        )
    lacking = settings_to_raise(own.has or read_start(door, copy).settings, primary.settings, major)
    write_file(door, auto, with_settings(text, lacking))


def _let_in(run: Run, door: Door, copy: str, primary: Running) -> None:
    """Let the nodes replicate from the copy, once it is primary.

    Where its pg_hba.conf is another's, it is told.
    """
    found, data = (
        configuration(door, copy, door.node.config_directory),
        door.node.data_directory.rstrip("/"),
    )
    if lets_in(found.access, run.pair):
        return
    hba = f"{copy}/{found.hba[len(data) + 1 :]}" if found.hba.startswith(f"{data}/") else found.hba
    try:
        write_file(door, hba, with_hba(read_file(door, hba), hba_lines(run, primary.node)))
    except Refusal as error:
        # a standby streams without it; before it may become primary, verify asks for it
        print(f"  {door.node.name}: {error.what}", flush=True)


def _addresses(run: Run, name: str, primary: Running) -> dict[str, str | None]:
    """Port and listen_addresses of a node that gets the primary's configuration."""
    node, theirs = run.pair[name], run.pair[primary.node]
    listen = primary.settings["listen_addresses"].replace(theirs.host, node.host)
    return {"port": str(node.port), "listen_addresses": listen}


def settings_to_raise(
    own: Mapping[str, str], primary: Mapping[str, str], major: int
) -> dict[str, str | None]:
    """Settings in which the copy must not be below the primary, to replay and to succeed it.

    >>> settings_to_raise({"max_connections": "50", "wal_level": "minimal"},
    ... {"max_connections": "100", "wal_level": "replica", "wal_keep_size": "512",
    ... "wal_retrieve_retry_interval": "100"}, 18) # doctest: +NORMALIZE_WHITESPACE
    {'max_connections': '100', 'wal_level': 'replica', 'wal_keep_size': '512',
    'wal_retrieve_retry_interval': '100'}
    """
    keep = "wal_keep_size" if dialect.has("wal_keep_size", major) else "wal_keep_segments"
    raised = dialect.lower(own, primary, dialect.CHANGES_PLACES)
    return {**raised, **{name: primary[name] for name in (keep, "wal_retrieve_retry_interval")}}
