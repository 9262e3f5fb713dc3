"""What a data directory would start with, and what would keep its server down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ..model import Disk, Running, dialect
from ..model.dialect import NEWEST, instead
from ..model.errors import QueryFailed
from ..model.foreign import lines_of
from ..model.host import Start
from ..model.major import Major
from ..model.node_config import Configured
from ..model.pair import Commands
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file
from .configured import configuration, configured_settings
from .queries import query

_SCRIPT = script_file(__file__, "starting.sh")
_TRIGGER = script_file(__file__, "trigger.sh")
#: What begins a line of pg_hba.conf before 10, and what it may ask for.
_KINDS = ("local", "host", "hostssl", "hostnossl")
_METHODS = {
    *("trust", "reject", "md5", "password", "ident", "peer", "cert", "pam", "bsd"),
    *("gss", "sspi", "krb5", "ldap", "radius"),
}
#: What starting.sh judges, and what a move leans on. One that a version does not know is left out.
NAMES = (
    *dialect.CHANGES_PLACES,
    *(
        "hba_file",
        "huge_pages",
        "huge_page_size",
        "logging_collector",
        "log_directory",
        "unix_socket_directories",
    ),
    *("listen_addresses", "port", "recovery_min_apply_delay"),
)


def read_start(
    door: Door, directory: str = "", runs: bool = False, also: Iterable[str] = ()
) -> Start:
    """Rehearse the start of a node's server from its files, and read what it would start with.

    `directory` is a copy that is to be moved in, if it is not the data directory itself. Where the
    server `runs`, what its files do not change is not asked: each setting takes a process of
    PostgreSQL. `also` are more settings.
    """
    node = door.node
    data = directory or node.data_directory
    known: dict[str, str] = {}
    names = dict.fromkeys((*NAMES, *also))
    major = door.programs() or NEWEST
    hba_errors = _hba_errors(door, data, major, runs)
    if runs:
        # a role that may not read pg_file_settings has all of them asked
        with suppress(QueryFailed):
            asked = ["config_file", "data_directory", *NAMES, *also]
            rows = door.sql.read(query("as it would start"), [asked])
            known = {row["name"]: row["setting"] for row in rows if not row["changes"]}
            names |= dict.fromkeys(row["name"] for row in rows)
    if instead("postgres_c", major):
        files = configured_settings(door, data, node.config_directory)
        told = {name: dialect.as_shown(name, value) for name, value in files.items()}
        told = {**dialect.UNSAID, **known, **told}
        return Start(hba_errors, {name: told[name] for name in names if name in told})
    own = node.config_directory or data
    file = f"{own}/postgresql.conf"
    if isinstance(node.service, Commands):
        # a service of the operator's knows where it is; ours is told the directory
        own = data
        file = known.get("config_file", file)
    if _stays(known, file, own, data, major):
        own = ""
    settings = [f"{name}={value}" for name, value in known.items()]
    settings += [name for name in names if name not in known]
    places = (node.bin_directory, data, file, node.data_directory, own)
    answer = door.script(_SCRIPT, *places, *settings, within=door.patience)
    found = parse_start(answer.text)
    return replace(found, refused=(*found.refused, *hba_errors))


def _stays(known: Mapping[str, str], file: str, own: str, data: str, major: Major) -> bool:
    """Whether a server has told that a start in its data directory, by these files, leads there."""
    told = dialect.has("file_settings", major) and "data_directory" in known
    return told and own == data and known.get("config_file") == file


def _hba_errors(door: Door, data: str, major: Major, runs: bool) -> tuple[str, ...]:
    """What is wrong in pg_hba.conf: a server that runs tells it, and before 10 the file itself.

    A server that runs goes on with the old one, and none starts with it.
    """
    if not dialect.has("hba_rules", major):
        return wrong_in_hba(configuration(door, data, door.node.config_directory).access)
    if not runs:
        return ()
    try:
        rows = door.sql.read(query("who is let in"))
    except QueryFailed:
        return ()
    return tuple(str(row["wrong"]) for row in rows if row["wrong"])


def wrong_in_hba(lines: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Lines of pg_hba.conf, as words, that no version before 10 takes: its server would not start.

    >>> wrong_in_hba([["host", "all", "all", "samenet", "md5", ""], ["hostt", "all", "md5"]])
    ("pg_hba.conf has no line that begins so: 'hostt all md5'",)
    >>> wrong_in_hba([["local", "all", "all", "md55", ""]])
    ("pg_hba.conf names no method that there is: 'local all all md55'",)
    """
    found = []
    for line in lines:
        words = " ".join(line).strip()
        if line[0] not in _KINDS:
            found.append(f"pg_hba.conf has no line that begins so: {words!r}")
        elif not _METHODS & {*line}:
            found.append(f"pg_hba.conf names no method that there is: {words!r}")
    return tuple(found)


def parse_start(text: str) -> Start:
    """Read the answer of starting.sh.

    >>> parse_start('set port 5432\\nset ssl_ca_file \\n'
    ... 'refused LOG:  invalid value for parameter "x": "1"\\n'
    ... 'refused FATAL:  configuration file "/c" contains errors') # doctest: +NORMALIZE_WHITESPACE
    Start(refused=('invalid value for parameter "x": "1"',), settings={'port': '5432',
    'ssl_ca_file': ''}, version='')
    """
    settings: dict[str, str] = {}
    refused: list[str] = []
    version = ""
    for line in lines_of(text):
        word, _, rest = line.partition(" ")
        if word == "set":
            name, _, value = rest.partition(" ")
            settings[name] = value
        elif word == "refused":
            refused.append(rest)
        elif word == "version":
            numbers = [part for part in rest.split() if part[0].isdigit()]
            version = numbers[0] if numbers else ""
    return Start(_plain(refused), settings, version)


def _plain(lines: list[str]) -> tuple[str, ...]:
    """What PostgreSQL complains of, without severities.

    Its hints belong to what stands before them.
    """
    found: list[str] = []
    for line in lines:
        severity, _, words = line.partition(":  ")
        if not words or severity not in ("LOG", "FATAL", "ERROR", "WARNING", "HINT", "DETAIL"):
            found.append(line.strip())
        elif severity in ("HINT", "DETAIL") and found:
            found[-1] += f" ({words.strip().rstrip('.')})"
        else:
            found.append(words.strip())
    most = [words for words in found if not words.endswith("contains errors")]
    return tuple(dict.fromkeys(most or found))


def too_low(run: Run, name: str, source: Running, start: Start | None = None) -> dict[str, str]:
    """Settings that a node would `start` with lower than `source`, with the source's values.

    With less of what replay depends on, its replay would stop for ever.
    """
    start = start or run.seen.start or read_start(run.doors[name])
    return dialect.lower(start.settings, source.settings, dialect.CHANGES_PLACES)


def what_stays(run: Run, name: str, directory: str) -> Configured:
    """By what a data directory that keeps its configuration would start."""
    return Configured(True, known_settings(run) or read_start(run.doors[name], directory).settings)


def known_settings(run: Run) -> Mapping[str, str]:
    """What the node's configuration was found to be at the gate.

    To ask again would take as long as it did there.
    """
    start = run.seen.start
    return start.settings if start else {}


def waiting_trigger(door: Door, disk: Disk) -> str:
    """The trigger file that this stopped standby's definition names, if it exists; else nothing.

    Left by an earlier failover, or by a hand. Tried on 11: a server that finds it opens for writes
    right after its start, and removes it.
    """
    if not disk.standby_files:
        return ""
    node = door.node
    named = disk.recovery.get("trigger_file", "")
    postgres = ""
    if disk.programs and dialect.has("promote_trigger_file", disk.programs):
        postgres = door.binary("postgres")
    asked = (node.data_directory, named, postgres, node.configuration)
    return door.script(_TRIGGER, *asked).text
