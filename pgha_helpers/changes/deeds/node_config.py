"""A node's own things stay the node's, whatever copy it gets.

What a standby needs is changed in its configuration.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ...facts.access import hba_lines, lets_in
from ...facts.configured import configuration
from ...facts.connection import definition
from ...facts.files import read_file
from ...facts.starting import known_settings, read_start
from ...model import Running, dialect
from ...model.configuration import (
    settings_to_raise,
    with_definition,
    with_hba,
    with_settings,
)
from ...model.errors import Refusal
from ...model.node_config import Configured, NodeConfigs
from ...run.run import Run
from ...wire.doors import Door
from .files import include_settings, write_file

# kB of a thing that is no configuration: what is larger stays in the old directory
_MOST = 64 * 1024

#: Links of the source, each as the file or folder that it leads to; the copy may have them as
#: links, or not at all.
_LENT = 'cd "$1" && shift && tar -chf - -- "$@" | base64 -w 0'
_TAKEN = (
    'cd "$1" && base64 -d > pgha-lent.tar && shift && rm -f -- "$@" && tar -xf '
    "pgha-lent.tar && rm pgha-lent.tar"
)


def bring_node_config(run: Run, name: str, copy: str, configs: NodeConfigs) -> Configured:
    """Give a fresh copy of the other node what is the node's own.

    Done again it does the same again. A node that has nothing of its own gets the other one's, as
    files: a link may lead to what is only there.
    """
    door = run.doors[name]
    mine = configs.mine
    theirs = configs.theirs
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
    return Configured(True, known_settings(run))


@cache
def _script() -> str:
    return Path(__file__).with_name("node_config.sh").read_text("utf-8")


def configure(run: Run, door: Door, copy: str, primary: Running, own: Configured) -> None:
    """Give the copy what a standby needs in its configuration, and our standby definition."""
    node = door.node
    major = primary.major
    auto = f"{copy}/{door.spelled('postgresql.auto.conf')}"
    _let_in(run, door, copy, primary)
    text = read_file(door, auto)
    if not (own.stays or node.config_directory):
        text = with_settings(text, _addresses(run, node.name, primary))
    defined = with_definition(text, definition(run, node.name, major), major)
    if dialect.has("standby_signal", major):
        text, defined = defined, ""
    write_file(door, f"{copy}/{dialect.standby_file(major)}", defined)
    lacking = settings_to_raise(own.has or read_start(door, copy).settings, primary.settings)
    write_file(door, auto, with_settings(text, lacking))
    if not dialect.has("alter_system", major):
        include_settings(door, node.config_directory, copy)


def _let_in(run: Run, door: Door, copy: str, primary: Running) -> None:
    """Let the nodes replicate from the copy, once it is primary.

    Where its pg_hba.conf is another's, it is told.
    """
    found = configuration(door, copy, door.node.config_directory)
    data = door.node.data_directory.rstrip("/")
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
    node = run.pair[name]
    theirs = run.pair[primary.node]
    listen = primary.settings["listen_addresses"].replace(theirs.host, node.host)
    return {"port": str(node.port), "listen_addresses": listen}
