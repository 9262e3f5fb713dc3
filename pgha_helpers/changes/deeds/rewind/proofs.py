"""What is seen before and after a rewind. Nothing in here changes anything."""

from __future__ import annotations

from ....facts.connection import keys_of, try_source
from ....model import DeedKind
from ....model.errors import Failure, NotAchieved
from ....run.run import Run
from ....wire.scripts import script_file

_STRANGE = script_file(__file__, "strange.sh")


def prove_source(run: Run, name: str) -> None:
    """Try the very connection that pg_rewind will use.

    Raises Failure that says why it cannot be used.
    """
    other = run.pair.other(name).name
    words = f"prove that it can read the files of {other} over SQL"
    with run.deed(name, words, DeedKind.PROVE_CONNECTION) as deed:
        deed.changed = False
        if why_not := try_source(run.doors[name], run.pair, keys_of(run, name)):
            raise Failure(
                f"{name} cannot read the files of {other} as {run.pair.replication_user}: "
                f"{why_not}",
                f"the passfile on {name} must name database {run.pair.database}, too. Or rebuild "
                "with method=clone",
            )


def see_its_own(run: Run, name: str, saved: str) -> None:
    """See that its configuration is its own, and that nothing would end its recovery early."""
    door = run.doors[name]
    words = "see that its configuration is its own"
    with run.deed(name, words, DeedKind.PROVE_CONFIGURATION) as deed:
        deed.changed = False
        if strange := door.script(_STRANGE, door.node.data_directory, f"{saved}/own").lines:
            raise NotAchieved(
                f"{name} has files that are not its own: {', '.join(strange)}",
                f"compare with {saved}",
            )
