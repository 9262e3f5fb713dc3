"""Whether the chain of a system is whole, and whether its nodes have noted what records tell."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from itertools import pairwise

from ...model import Note
from ...run.events import RUN_BEGUN
from ..making.chain_notes import notes_of
from ..making.folder import id_of
from .findings import Finding, Link, Record, Verified


def check_chains(
    records: list[Record], others: list[Record], noted: list[Note], done: Verified
) -> None:
    """Numbers without a gap from 1 on, and each record names the one before as it is.

    `others` are records of other pairs, or of this one under an earlier name: they may be part of
    one of its chains.
    """
    hosts = _hosts(records)
    elsewhere = {note.number for note in noted if note.host not in hosts}
    mine = {record.link.system for record in records if record.link}
    links = [(record.link, record) for record in [*records, *others]]
    for system in sorted(mine):
        linked = [(link, record) for link, record in links if link and link.system == system]
        linked.sort(key=lambda one: one[0].number)
        done.chained += len(linked)
        where = f"chain of system {system}"
        for (earlier, before), (link, after) in pairwise(linked):
            done.findings += [
                Finding(where, what) for what in _link_faults(earlier, before, link, after)
            ]
        _check_numbers(where, [link for link, _ in linked], hosts, elsewhere, done)


def _check_numbers(
    where: str, links: list[Link], hosts: set[str], elsewhere: set[int], done: Verified
) -> None:
    """Which numbers are absent, and which of them were given to runs of other machines."""
    last = 0
    for link in links:
        gap = set(range(last + 1, link.number))
        known = set(elsewhere)
        if link.host not in hosts:
            known.add(link.number - 1)
        made_there = gap & known
        if absent := gap - made_there:
            done.findings.append(Finding(where, _absent(absent)))
        if made_there:
            done.notes.append(f"{where}: {_numbers(made_there)}, made on another machine: not here")
        last = link.number


def _hosts(records: list[Record]) -> set[str]:
    """The machines whose records should be here: this one, and those that made any of them."""
    begun = [record.story.first(RUN_BEGUN) for record in records]
    return {platform.node(), *(str(event.get("from")) for event in begun)}


def _link_faults(earlier: Link, before: Record, link: Link, after: Record) -> Iterator[str]:
    name, named = before.folder.name, after.folder.name
    if link.number > earlier.number + 1:
        return
    if link.number == earlier.number:
        yield f"{name} and {named} both claim number {link.number}"
    elif link.run != id_of(before.folder):
        yield f"{named} names run {link.run} before it, not {id_of(before.folder)}"
    elif link.journal and link.journal not in before.story.digests:
        yield f"{name}: its journal is not the one that {named} names"
    elif link.manifest and link.manifest != before.manifest.digest:
        yield f"{name}: its manifest is not the one that {named} names"


def _absent(numbers: set[int]) -> str:
    verb = "is" if len(numbers) == 1 else "are"
    return (
        f"{_numbers(numbers)} {verb} not here: removed, or made on another machine (the nodes "
        "tell: --nodes)"
    )


def _numbers(numbers: set[int]) -> str:
    told = ", ".join(str(number) for number in sorted(numbers))
    return f"numbers {told}" if len(numbers) > 1 else f"number {told}"


def ledger_faults(
    records: list[Record], others: list[Record], notes: list[Note], done: Verified
) -> Iterator[str]:
    """Every run that a node has noted is here as it was noted, and every chained one is noted."""
    here = {id_of(record.folder): record for record in [*records, *others]}
    noted: dict[str, list[Note]] = {}
    for note in notes:
        noted.setdefault(note.run, []).append(note)
    for run, told in noted.items():
        record = here.get(run)
        if record is not None:
            noted_here = notes_of(record.folder, record.story)
            ours = {*record.story.digests, *(note.digest for _, note in noted_here)}
            wrong = sorted({note.what for note in told if note.digest not in ours})
            if wrong:
                yield (
                    f"{record.folder.name} is not as it was noted when it "
                    f"{' and '.join(map(_did, wrong))}"
                )
        elif told[0].host in _hosts(records):
            yield (
                f"run {run}, number {told[0].number}, is not here: it was made on "
                f"{told[0].host}, and removed"
            )
        else:
            done.notes.append(
                f"run {run}, number {told[0].number}, was made on {told[0].host}: its record "
                "is there"
            )
    for record in records:
        if noted and record.link and id_of(record.folder) not in noted:
            yield (
                f"{record.folder.name} claims number {record.link.number}, and no node has noted it"
            )


def _did(what: str) -> str:
    return {"sealed": "was completed"}.get(what, what)
