"""pg_rewind, which overwrites a data directory: everything that could be missed is saved before, and nothing that it
left half done can ever be started.

While it works, the directory lies under another name beside its own: no service and no hand that knows the old one
can start it, whatever becomes of the runbook or of the machine.
"""

from __future__ import annotations

import re

from tqdm import tqdm

from .. import dialect
from ..conninfo import source_conninfo
from ..errors import Failure, NotAchieved, Refusal
from ..facts.connection import try_source
from ..facts.disk import read_disk
from ..facts.processes import read_processes
from ..facts.wal import segment_name
from ..model import Position
from ..plans.rebuild import Rewinding
from ..run import Run
from ..wire.attended import attend
from ..wire.doors import Door
from .configuration import recovery_conf, standby_settings, with_settings
from .files import read_file, real_path, write_file

_PROGRESS = re.compile(r"(\d+)/(\d+) kB")
_TO_COPY = re.compile(r"need to copy (.+?) \(")
_CLONE = "the data directory was not overwritten. Mend the cause, or rebuild with method=clone"

#: The node's own configuration: pg_rewind copies the other one's over it.
_OWN = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf")

#: $1 data directory, $2 where to, $3 and $4 first segment and timeline of the WAL that is kept.
_SAVE = r"""
set -e
umask 077
mkdir -p "$2/pg_wal" "$2/own"
cp -p -- "$1/global/pg_control" "$2/pg_control"
for f in postgresql.conf pg_hba.conf pg_ident.conf postgresql.auto.conf; do
  [ ! -f "$1/$f" ] || cp -p -- "$1/$f" "$2/own/$f"
done
for f in standby.signal recovery.signal recovery.conf backup_label; do
  [ ! -f "$1/$f" ] || cp -p -- "$1/$f" "$2/$f"
done
count=0
for path in "$1"/pg_wal/*; do
  f=${path##*/}
  case $f in
    *.history) cp -p -- "$path" "$2/pg_wal/";;
    *[!0-9A-F]*) ;;
    ????????????????????????)
      rest=${f#????????}
      if [ "$(printf '%s\n' "$3" "$rest" | LC_ALL=C sort | head -n 1)" = "$3" ]; then
        cp -p -- "$path" "$2/pg_wal/"; count=$((count + 1))
      fi;;
  esac
done
find "$2" -type f -exec sync {} +
sync "$2" "$2/pg_wal" "$2/own" "$(dirname "$2")"
echo "$count"
"""

#: $1 data directory, $2 its name meanwhile, then the single-user server. Whatever happens it comes back armed.
_RECOVER = r"""
data=$1 aside=$2 signal=$3; shift 3
back() {
  if [ -d "$aside" ] && [ ! -e "$data" ]; then
    if [ "$signal" = recovery.conf ]; then
      [ ! -e "$aside/recovery.conf.pgha" ] || mv -f -- "$aside/recovery.conf.pgha" "$aside/recovery.conf"
    else
      : >> "$aside/standby.signal"
    fi
    mv -T -- "$aside" "$data"
    sync "$data" "$(dirname "$data")"
  fi
}
child=
trap '[ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; back; exit 143' HUP INT TERM
mv -T -- "$data" "$aside" && sync "$(dirname "$data")" || exit 91
[ ! -e "$aside/recovery.conf" ] || mv -f -- "$aside/recovery.conf" "$aside/recovery.conf.pgha"
rm -f -- "$aside/standby.signal" "$aside/postmaster.pid"
"$@" </dev/null &
child=$!
wait "$child"
status=$?
child=
back
exit "$status"
"""

#: $1 data directory, $2 its name meanwhile, $3 the node's own files, then pg_rewind. It comes back only when all went
#: well; else it stays aside, without a control file: nothing starts without one.
_REWIND = r"""
data=$1 aside=$2 own=$3; shift 3
spoil() {
  mv -f -- "$aside/global/pg_control" "$aside/global/pg_control.unusable"
  echo "A rewind of this directory did not end: never start it. $(date -u)" > "$aside/UNUSABLE"
  sync "$aside/global" "$aside"
}
child=
trap '[ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; spoil; exit 143' HUP INT TERM
mv -T -- "$data" "$aside" && sync "$(dirname "$data")" || exit 91
"$@" </dev/null &
child=$!
wait "$child"
status=$?
child=
[ "$status" = 0 ] || { spoil; exit "$status"; }
rm -f -- "$aside/recovery.signal" "$aside/standby.signal" "$aside/recovery.conf" "$aside/recovery.done" || exit 92
rm -rf -- "$aside"/pg_replslot/* || exit 92
cp -p -- "$own"/* "$aside/" || exit 92
for f in "$own"/*; do sync "$aside/${f##*/}" || exit 92; done
sync "$aside" "$aside/pg_replslot" || exit 92
mv -T -- "$aside" "$data" && sync "$data" "$(dirname "$data")" || exit 93
"""


def prove_timeline(run: Run, primary: str, timeline: int) -> None:
    """See that the primary's control file shows its timeline: pg_rewind believes it, and was misled 3 of 3 times."""
    with run.deed(primary, f"see that its control file shows timeline {timeline}") as deed:
        deed.changed = False
        told = run.doors[primary].sql.read("select timeline_id as now from pg_control_checkpoint()")[0]["now"]
        if told != timeline:
            raise NotAchieved(f"the control file of {primary} shows timeline {told}", "run this notebook again")


def prove_source(run: Run, name: str) -> None:
    """Try the very connection that pg_rewind will use. Raises Failure that says why it cannot be used."""
    other = run.pair.other(name).name
    with run.deed(name, f"prove that it can read the files of {other} over SQL") as deed:
        deed.changed = False
        if why_not := try_source(run.doors[name], run.pair):
            raise Failure(
                f"{name} cannot read the files of {other} as {run.pair.replication_user}: {why_not}",
                f"the passfile on {name} must name database {run.pair.database}, too. Or rebuild with method=clone",
            )


def save(run: Run, name: str, fork: Position, major: int) -> str:
    """Save what a rewind overwrites, in a directory beside: control file, configuration, WAL from the fork on.

    Gives its path; its folder `own` holds the node's configuration as it is to be afterwards.
    """
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    saved = f"{data}.before-rewind-{run.id}"
    with run.deed(name, f"save control file, configuration and WAL in {saved}") as deed:
        disk = read_disk(door)
        segment = disk.control.segment if disk.control else 0
        if not segment:
            raise Refusal(f"the control file of {name} cannot be read: {disk.blank}", "run this notebook again")
        first = segment_name(fork, segment)[8:]
        count = door.script(_SAVE, data, saved, first, within=run.timeouts.clone).text
        _own_definition(run, door, saved, major)
        deed.say(f"saved control file, configuration and {count} WAL files from {fork} on in {saved}")
    return saved


def _own_definition(run: Run, door: Door, saved: str, major: int) -> None:
    auto = f"{saved}/own/postgresql.auto.conf"
    if dialect.has("standby_signal", major):
        write_file(door, auto, with_settings(read_file(door, auto), standby_settings(run.pair, door.node, major)))
        write_file(door, f"{saved}/own/standby.signal", "")
    else:
        write_file(door, f"{saved}/own/recovery.conf", recovery_conf(run.pair, door.node))


def recover(run: Run, name: str, major: int) -> None:
    """Recover a crashed node by a single-user server: pg_rewind takes only what was shut down cleanly.

    A single-user server cannot be a standby, so the definition is away meanwhile, and so is the directory: it has
    another name, under which nothing starts it. No WAL is removed by the checkpoint at the end.
    """
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    aside = f"{data}.recovering-{run.id}"
    with run.deed(name, "recover it from its crash") as deed:
        control = read_disk(door).control
        if control and control.state.startswith("shut down"):
            deed.already("it was shut down cleanly")
            return
        _refuse_the_living(door)
        keep = ("wal_keep_size", "1048576") if dialect.has("wal_keep_size", major) else ("wal_keep_segments", "1000000")
        settings = {"archive_mode": "on", "archive_command": "false", keep[0]: keep[1], "restore_command": ""}
        if not dialect.has("standby_signal", major):
            del settings["restore_command"]
        argv = [door.binary("postgres"), "--single", "-D", door.node.config_directory or aside]
        for setting, value in {"data_directory": aside, "external_pid_file": "", **settings}.items():
            argv += ["-c", f"{setting}={value}"]
        said: list[str] = []
        words = ["sh", "-c", _RECOVER, "sh", data, aside, dialect.standby_file(major), *argv, "template1"]
        status = attend(door, words, said.append, run.timeouts.clone)
        control = read_disk(door).control
        if status or not (control and control.state.startswith("shut down")):
            raise NotAchieved(f"{name} could not recover (status {status}): {'; '.join(said[-3:])}", _CLONE)


def rehearse(run: Run, name: str, asked: Rewinding) -> None:
    """pg_rewind --dry-run. Raises NotAchieved in its own words; nothing was overwritten then."""
    door = run.doors[name]
    with run.deed(name, "rehearse pg_rewind") as deed:
        deed.changed = False
        _refuse_the_living(door)
        said: list[str] = []
        argv = _pg_rewind(run, door, real_path(door, door.node.data_directory), asked)
        status = attend(door, [*argv, "--dry-run"], said.append, run.timeouts.clone)
        if status or any("no rewind required" in line for line in said):
            raise NotAchieved(f"pg_rewind on {name} says no: {_last(said)}", _CLONE)
        copied = next((match[1] for line in said if (match := _TO_COPY.search(line))), "an unknown number of bytes")
        deed.say(f"rehearsed pg_rewind: it would copy {copied}")


def rewind(run: Run, name: str, saved: str, asked: Rewinding) -> None:
    """Rewind it. Raises NotAchieved where that fails: then the directory stays aside and is never started."""
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    aside = f"{data}.rewinding-{run.id}"
    with run.deed(name, f"rewind it from {run.pair.other(name).name}") as deed:
        _refuse_the_living(door)
        said: list[str] = []
        with tqdm(unit="B", unit_scale=True, unit_divisor=1024, desc=name, mininterval=0.5) as bar:

            def on_line(line: str) -> None:
                if match := _PROGRESS.search(line):
                    bar.total = int(match[2]) * 1024
                    bar.update(int(match[1]) * 1024 - bar.n)
                else:
                    said.append(line)

            argv = ["sh", "-c", _REWIND, "sh", data, aside, f"{saved}/own", *_pg_rewind(run, door, aside, asked)]
            status = attend(door, argv, on_line, run.timeouts.clone)
            copied = bar.n
        if status:
            raise NotAchieved(
                f"the rewind of {name} ended with status {status}: {_last(said)}. It is unusable, kept as {aside}, "
                f"and must never be started; what it had is saved in {saved}",
                "run this notebook again: the node will be cloned",
            )
        deed.say(f"rewound it from {run.pair.other(name).name} ({copied // 1024**2} MB); kept from before: {saved}")


def see_its_own(run: Run, name: str, saved: str) -> None:
    """See that its configuration is its own again, and that nothing would end its recovery early."""
    door, left = run.doors[name], "recovery.signal recovery.done backup_label.old.pgha"
    with run.deed(name, "see that its configuration is its own") as deed:
        deed.changed = False
        data = door.node.data_directory
        strange = [f for f in _OWN if read_file(door, f"{data}/{f}") != read_file(door, f"{saved}/own/{f}")]
        strange += [f for f in left.split() if door.run("test", "-e", f"{data}/{f}", okay=(0, 1)).status == 0]
        if strange:
            raise NotAchieved(f"{name} has files that are not its own: {', '.join(strange)}", f"compare with {saved}")


def put_back(run: Run, name: str, aside: str, major: int) -> None:
    """Move a directory back that a crash recovery had set aside, as a standby."""
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    with run.deed(name, f"move {aside} back") as deed:
        if read_disk(door).unfinished != aside:
            deed.already("it was moved back")
            return
        script = _RECOVER.partition("child=")[0] + "back\n"
        door.script(script, data, aside, dialect.standby_file(major))


def _pg_rewind(run: Run, door: Door, data: str, asked: Rewinding) -> list[str]:
    major = int(read_file(door, f"{door.node.data_directory}/PG_VERSION") or 0)
    argv = [door.binary("pg_rewind"), "-D", data, "-P", f"--source-server={source_conninfo(run.pair, door.node)}"]
    if dialect.has("restore_target_wal", major):
        argv.append("--no-ensure-shutdown")
        if asked.missing:
            argv.append("--restore-target-wal")
        if asked.missing and door.node.config_directory:
            argv.append(f"--config-file={door.node.config_directory}/postgresql.conf")
    return argv


def _refuse_the_living(door: Door) -> None:
    if read_processes(door):
        raise Refusal(f"a server runs in the data directory of {door.node.name}", "run this notebook again")


def _last(said: list[str]) -> str:
    return "; ".join(said[-3:]) or "it said nothing"
