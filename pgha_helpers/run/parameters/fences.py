"""What the types cannot say of `witnesses:`, of a node's `fence:` and of its service's commands."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Fence, Node, Pair, Witness
from ...model.pair import Commands


def fences_nonsense(pair: Pair) -> Iterator[str]:
    """What is wrong in them, each as a sentence."""
    names = [witness.name for witness in pair.witnesses]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"witnesses: {name!r} is the name of {names.count(name)} entries"
    for number, witness in enumerate(pair.witnesses, 1):
        yield from _witness_nonsense(witness, number, pair)
    for node in pair:
        if node.fence:
            yield from _fence_nonsense(f"nodes.{node.name}.fence", node.fence, node, pair)
        if isinstance(node.service, Commands):
            yield from _service_nonsense(f"nodes.{node.name}.service", node.service)


def _witness_nonsense(witness: Witness, number: int, pair: Pair) -> Iterator[str]:
    here = f"witnesses.{witness.name}"
    if not witness.name:
        yield f"witnesses: entry {number} has no name"
    if witness.name in (*pair.names, "this machine"):
        yield f"{here}: the name is taken; give it another one"
    if witness.bin_directory and not witness.bin_directory.startswith("/"):
        yield f"{here}.bin_directory: {witness.bin_directory!r} must be an absolute path"


def _fence_nonsense(here: str, fence: Fence, node: Node, pair: Pair) -> Iterator[str]:
    for key in ("command", "check"):
        yield from _arguments_nonsense(f"{here}.{key}", getattr(fence, key), needed=True)
    if fence.command == fence.check:
        yield (
            f"{here}: command and check are the same; the check only looks whether the node is off"
        )
    if fence.witness and fence.ssh:
        yield f"{here}: witness and ssh cannot both be told"
    names = [witness.name for witness in pair.witnesses]
    if fence.witness and fence.witness not in names:
        known = "is not one of `witnesses:`, which is empty"
        if names:
            known = f"is not one of {', '.join(names)}"
        yield f"{here}.witness: {fence.witness!r} {known}"
    if (
        fence.ssh
        and node.ssh
        and (fence.ssh.host, fence.ssh.port) == (node.ssh.host, node.ssh.port)
    ):
        yield (
            f"{here}.ssh: it is the host of {node.name} itself, which will not answer when it "
            "is to be fenced"
        )
    if fence.within <= 0:
        yield f"{here}.within: must be more than 0 s"


def _service_nonsense(here: str, service: Commands) -> Iterator[str]:
    for key in ("disable", "enable"):
        yield from _arguments_nonsense(f"{here}.{key}", getattr(service, key), needed=False)
    if bool(service.disable) != bool(service.enable):
        told, missing = ("disable", "enable") if service.disable else ("enable", "disable")
        yield f"{here}.{missing}: is missing; what {told} does has to be undone"


def _arguments_nonsense(here: str, words: tuple[str, ...], needed: bool) -> Iterator[str]:
    if needed and not (words and words[0]):
        yield f"{here}: is empty; it is a list of arguments, the program first"
