"""What is seen before and after a rewind. Nothing in here changes anything."""

from __future__ import annotations

from ...errors import Failure, NotAchieved
from ...facts.connection import keys_of, try_source
from ...run import Run

#: $1 data directory, $2 the node's own configuration: pg_rewind copies the other one's over it.
_STRANGE = """
cd "$1" || exit
for f in postgresql.conf pg_hba.conf pg_ident.conf postgresql.auto.conf; do
  if [ -e "$f" ] || [ -e "$2/$f" ]; then cmp -s -- "$f" "$2/$f" || echo "$f"; fi
done
for f in recovery.signal recovery.done; do [ ! -e "$f" ] || echo "$f"; done
"""


def prove_source(run: Run, name: str) -> None:
    """Try the very connection that pg_rewind will use. Raises Failure that says why it cannot be used."""
    other = run.pair.other(name).name
    with run.deed(name, f"prove that it can read the files of {other} over SQL") as deed:
        deed.changed = False
        if why_not := try_source(run.doors[name], run.pair, keys_of(run, name)):
            raise Failure(
                f"{name} cannot read the files of {other} as {run.pair.replication_user}: {why_not}",
                f"the passfile on {name} must name database {run.pair.database}, too. Or rebuild with method=clone",
            )


def see_its_own(run: Run, name: str, saved: str) -> None:
    """See that its configuration is its own again, and that nothing would end its recovery early."""
    door = run.doors[name]
    with run.deed(name, "see that its configuration is its own") as deed:
        deed.changed = False
        if strange := door.script(_STRANGE, door.node.data_directory, f"{saved}/own").lines:
            raise NotAchieved(f"{name} has files that are not its own: {', '.join(strange)}", f"compare with {saved}")
