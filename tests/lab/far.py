"""An operator who is far away: a process that forwards connections, and holds each piece of them up
on its way.

Latency, and nothing else: what is under way does not wait for what went before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import yaml

from pgha_helpers.run.checkout import CHECKOUT

from ..embedded import Lab

_HOST = "127.0.0.1"
_CHUNK = 1 << 16


class Far:
    """A pair file by which both nodes are far away, over SQL and over ssh; for each other they stay
    neighbours.
    """

    def __init__(self, pair_file: Path, process: subprocess.Popen[str]) -> None:
        self.pair_file = pair_file
        self._process = process

    def be(self, round_trip: float) -> None:
        """From now on an answer takes so many seconds more."""
        assert self._process.stdin and self._process.stdout
        print(round_trip / 2, file=self._process.stdin, flush=True)
        self._process.stdout.readline()


@contextlib.contextmanager
def far_away(pair: Lab, folder: Path, round_trip: float = 0.0) -> Iterator[Far]:
    """Both nodes, so many seconds away and back until it is said anew."""
    told = yaml.safe_load(pair.pair_file.read_text())
    nodes = list(told["nodes"].values())
    targets = [port for node in nodes for port in (node["port"], node["ssh"]["port"])]
    with _forwarding(targets) as process:
        assert process.stdout
        ports = json.loads(process.stdout.readline())
        known = Path(nodes[0]["ssh"]["known_hosts"]).read_text()
        for node, sql, ssh in zip(nodes, ports[::2], ports[1::2], strict=True):
            known = known.replace(f"[{_HOST}]:{node['ssh']['port']}", f"[{_HOST}]:{ssh}")
            node |= {"peer_host": node["host"], "peer_port": node["port"], "port": sql}
            node["ssh"] |= {"port": ssh, "known_hosts": str(folder / "far_hosts")}
        (folder / "far_hosts").write_text(known)
        (folder / "far.yaml").write_text(yaml.safe_dump(told))
        far = Far(folder / "far.yaml", process)
        far.be(round_trip)
        yield far


@contextlib.contextmanager
def _forwarding(targets: Sequence[int]) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, which shares no interpreter with whoever is measured; it says a port
    for each target.
    """
    command = [sys.executable, "-m", __name__, json.dumps(list(targets))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(
        command, cwd=CHECKOUT, text=True, start_new_session=True, **pipes
    ) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


class _Road:
    """What forwards; `delay` is in seconds, one way."""

    def __init__(self) -> None:
        self.delay = 0.0

    async def serve(self, targets: Sequence[int]) -> None:
        """Forward to these ports until stdin ends; each line there is a new delay, and is
        answered.
        """
        ports = []
        for target in targets:
            server = await asyncio.start_server(partial(self._forward, target), _HOST, 0)
            ports.append(server.sockets[0].getsockname()[1])
        print(json.dumps(ports), flush=True)
        while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            self.delay = float(line)
            print("so it is", flush=True)

    async def _forward(
        self, target: int, near: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        try:
            far, there = await asyncio.open_connection(_HOST, target)
        except OSError:  # nobody listens there now, and whoever asks is to hear that
            back.close()
            return
        await asyncio.gather(self._carry(near, there), self._carry(far, back))

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Each piece arrives so many seconds after it came, never before an earlier one; and so
        does the end.
        """
        loop, at, over = asyncio.get_running_loop(), 0.0, asyncio.Event()
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                at = max(at, loop.time() + self.delay)
                loop.call_at(at, target.write, data)
        loop.call_at(max(at, loop.time() + self.delay), over.set)
        await over.wait()
        target.close()


if __name__ == "__main__":
    asyncio.run(_Road().serve(json.loads(sys.argv[1])))
