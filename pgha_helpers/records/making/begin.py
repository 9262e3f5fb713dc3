"""The first and the last verb of every notebook: they open and close the record."""

from __future__ import annotations

import contextlib
import getpass
import platform
import time
from collections.abc import Mapping
from typing import Any

from ...facts.lag import watch
from ...facts.set_aside import read_all_set_aside
from ...model import Pair, Verdicts, frontend
from ...model.errors import NotAchieved, Unhealthy
from ...model.foreign import ODD
from ...model.show import Table, present, utc
from ...run.events import FORMAT, RUN_BEGUN
from ...run.journal import Journal, read
from ...run.parameters.notebooks import read_parameters
from ...run.parameters.pair_file import load_pair
from ...run.redaction import Redactor, secrets_of
from ...run.run import Run
from ...run.verbose import tell_of
from ...wire.doors import Door
from ...wire.lock import Lock
from . import kernel
from .ending import bad, copied, could_be_moved, kept, roles, well, what_clients_saw
from .folder import announced_folder, id_of
from .history import EarlierRuns, clients_of
from .newest_change import newest_change
from .numbering import make_folder, new_id
from .provenance import provenance, unfinished
from .summary import summarise, write_summary


def begin(notebook: str, **parameters: Any) -> Run:
    """Begin a run: read parameters and pair strictly, open the journal, say where the record is.

    Raises BadParameters, naming what is wrong and what is allowed. A run that was begun earlier in
    this kernel and has not ended is abandoned, and the new one names it.
    """
    asked = read_parameters(notebook, parameters)
    pair = load_pair(asked["pair"])
    folder = announced_folder() or make_folder(pair, notebook, new_id())
    run_id = id_of(folder)
    operator = asked["operator"] or getpass.getuser()
    holder = (
        f"run {run_id}, {notebook}, by {operator} on {platform.node()}, begun {utc(time.time())}"
    )
    tell_of(pair)
    doors = {node.name: Door(node, pair) for node in pair}
    lock = Lock(doors.values(), holder, pair.timeouts.lock)
    scrub = Redactor(secrets_of(pair))
    journal, history = Journal(folder, scrub.facts), EarlierRuns(folder, pair.name)
    clients = clients_of(pair)
    run = Run(run_id, notebook, pair, asked, folder, journal, doors, lock, clients, history)
    continues = kernel.unfinished_run() or unfinished(notebook, pair.name, folder.parent, folder)
    kernel.enter(run, scrub)
    run.journal.write(
        RUN_BEGUN,
        format=FORMAT,
        run=run_id,
        notebook=notebook,
        pair=pair.name,
        operator=operator,
        **{"typed": bool(asked["operator"]), "from": platform.node(), "reason": asked["reason"]},
        ticket=asked["ticket"],
        parameters=asked,
        continues=continues,
        **provenance(notebook, folder),
    )
    watch(run)
    present(_header(run, pair, operator), pgha={"run": run_id, "record": str(folder)})
    if notebook != "verify" or frontend.somebody():  # a mail of cron's begins with the verdict
        _tell_newest_change(run)
    return run


def conclude(run: Run, verdicts: Verdicts) -> Verdicts:
    """The last verb: the run ends with the worst verdict.

    A verify that found something critical, or could not see, raises Unhealthy; a change whose aim
    is not reached raises NotAchieved. Warnings end well, and `pgha run` tells them by its exit
    code.
    """
    changes = run.notebook != "verify"
    outcome = {"ok": "done"}.get(verdicts.worst, verdicts.worst)
    if changes and verdicts.worst != "ok":
        outcome = "failed"
    copies = run.notebook in ("setup", "rebuild")
    aside = read_all_set_aside(run, sized=False) if copies else ()
    last_well = run.history.last_well() if verdicts.worst != "ok" else ""
    told = _close(run, outcome, str(verdicts) if outcome == "failed" else "")
    if verdicts.worst == "ok":
        print(well(told, verdicts, run.seen.judged))
    else:
        print(*bad(run.pair.name, verdicts, last_well, roles(told)), sep="\n")
    made = (*copied(run.journal.events), *kept(aside, run.id)) if copies else ()
    for line in (*what_clients_saw(told), *made, *could_be_moved(told)):
        print(line)
    if verdicts.worst != "ok" and not (changes or frontend.somebody()):
        _tell_newest_change(run)
    _say_the_end(run, outcome)
    if outcome == "failed":
        raise NotAchieved("the aim was not reached", "run rebuild, or verify for more")
    if outcome in ("critical", "unknown"):
        raise Unhealthy(f"{run.pair.name}: {outcome}", "do what stands beside each cause")
    return verdicts


def _close(run: Run, outcome: str, words: str) -> Mapping[str, Any]:
    """End the run, and give its summary."""
    run.end(outcome, words=words)
    try:
        story = read(run.folder)
    except OSError:
        return {}
    try:
        return write_summary(run.folder, story)
    except OSError:  # a full disk: the next `pgha records` writes it
        return summarise(story)


def _say_the_end(run: Run, outcome: str) -> None:
    """How the run ended, unless `pgha run` will say so, with its exit code."""
    if not run.journal.whole:
        print("ITS JOURNAL IS NOT WHOLE: the run counts as interrupted, with exit code 5")
    if run.journal.events[0].get("road") != "pgha run":
        print(f"Run {run.id}: {outcome}. Record: {run.folder}")


def _header(run: Run, pair: Pair, operator: str) -> Table:
    reason = str(run.parameters["reason"]) or "none given"
    return Table(
        ("run", "pair", "operator", "reason", "record"),
        [(run.id, pair.name, operator, reason, str(run.folder))],
    )


def _tell_newest_change(run: Run) -> None:
    """What happened to this pair last, before anything is asked: its page may have been lost."""
    change = None
    with contextlib.suppress(OSError, *ODD):  # records that cannot be read keep nobody from work
        change = newest_change(run.folder.parent, run.pair.name, but=run.folder)
    if change is None:
        return
    print(f"Newest change of this pair: {change}", flush=True)
    if change.goes_on:
        print("Wait for its end before you change anything.", flush=True)
    here = bool(change.file) and change.file == run.journal.events[0].get("file")
    if not (frontend.somebody() and (change.young or change.goes_on)):
        return
    if here:
        print("It was run in this notebook. Where the page lost it, it went on in the kernel:")
    present(change.steps())
