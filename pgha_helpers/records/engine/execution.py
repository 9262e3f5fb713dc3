"""Running the cells as papermill does, and hearing how each of them ends."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import Any

from jupyter_core.utils import run_sync
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.log import logger

from ...run import courtesy
from ...run.redaction import Redactor
from ..reading.notebooks import PAPERMILLS, TYPED
from .kernel_manager import adopt
from .output import redact_writes_to, redactor_of
from .prestarted_kernel import EarlyKernel
from .signals import attended
from .statuses import ExecutionManager

# seconds from the moment at which a kernel is idle again until a cell's reply is given up
_REPLY = 10.0
# tag of a cell during which nothing may work that need not: clients wait for what it does
OUTAGE_TAG = "outage"
# options of the manager, not of the client
_OURS = ("progress_bar", "log_output", "autosave_cell_every")


def execute(nb: Any, kernel_name: str, output_path: str | None, **options: Any) -> Any:
    """Run all cells; `options` are papermill's.

    Cells that never ran stay `pending`, whatever ended the notebook.
    """
    if sys.stderr is sys.__stderr__:  # papermill's own command: `pgha` has seen to it
        courtesy.take_over()
        atexit.register(courtesy.last_words)
    scrub = options.pop("scrub", None) or redactor_of(nb)
    manager = ExecutionManager(
        redact_writes_to(output_path, scrub),
        nb,
        output_path,
        **{key: options.pop(key) for key in _OURS if key in options},
    )
    _explain(nb)
    manager.notebook_start()
    try:
        changes = options.pop("changes", lambda: False)
        client = KernelClient(manager, kernel_name, scrub, options, log_output=manager.log_output)
        attended(client.execute, client.interrupt, changes)
    except BaseException:
        nb.metadata.papermill["exception"] = True
        raise
    finally:
        manager.cleanup_pbar()
        manager.notebook_complete()
    return nb


def _explain(nb: Any) -> None:
    """Let the cell that papermill has put in say what it is, beside that of the defaults."""
    for cell in nb.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.source = cell.source.replace(f"# {PAPERMILLS}\n", f"# {TYPED}\n", 1)


class KernelClient(PapermillNotebookClient):  # type: ignore[misc]
    """A notebook client that can be interrupted from another thread, and that hears no secrets."""

    def __init__(
        self,
        manager: ExecutionManager,
        kernel_name: str,
        scrub: Redactor,
        options: dict[str, Any],
        **more: Any,
    ) -> None:
        timeout = options.pop("execution_timeout", None) or options.pop("timeout", None)
        startup = options.pop("start_timeout", 60)
        options.pop("input_path", None)
        self._early: EarlyKernel | None = options.pop("kernel", None)
        self._finished: Callable[[], bool] = options.pop("finished", lambda: False)
        self._settle: Callable[[], None] = options.pop("settle", lambda: None)
        km = adopt(self._early) if self._early else None
        waits = {"timeout": timeout, "startup_timeout": startup}
        super().__init__(
            manager, km=km, kernel_name=kernel_name, log=logger, **waits, **options, **more
        )
        # a cell that takes too long is interrupted like any other: left alone, it would go on
        # behind our back
        self.interrupt_on_timeout = True
        self.on_cell_executed = self._hear_reply
        self._redactor = scrub
        self._stop = threading.Event()
        self._ready = self._busy = self._left = False
        self._heard = False  # that the cell which runs has failed or ended
        self._lost: asyncio.Future[Any] | None = None  # the wait for a reply that has been given up

    def interrupt(self) -> None:
        """Begin no other cell, and interrupt the one that runs.

        A kernel that is only starting is killed. One that is interrupted while it starts neither
        starts nor ends, and it has nothing to close.
        """
        self._stop.set()
        pid = getattr(getattr(self.km, "provisioner", None), "pid", None)
        if not pid or (self._ready and (self._heard or not self._busy)):
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT if self._ready else signal.SIGKILL)

    def execute(self, **options: Any) -> Any:
        """Start a kernel, run the cells, end the kernel."""
        self.reset_execution_trackers()
        if self._stop.is_set():
            return self.nb
        with self.setup_kernel(cleanup_kc=True, **options):
            self._ready = True
            self.papermill_execute_cells()
            if self._early and self._finished():  # its own way to end takes a fifth of a second
                self.shutdown_kernel = "immediate"
                self._early.kill()
        return self.nb

    async def async_start_new_kernel_client(self) -> Any:
        """Connect to the kernel and wait until it answers, on both of its channels.

        jupyter_client waits for 0.2 s of silence instead: the answer to our own question tells as
        much, and sooner.
        """
        self.kc = self.km.client()
        self.kc.start_channels()
        deadline = time.monotonic() + self.startup_timeout
        while not await self._answers():
            if not await self.kc.is_alive():
                raise RuntimeError(f"the kernel ended before it was ready: {self._complaint()}")
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"the kernel was not ready after {self.startup_timeout} s: {self._complaint()}"
                )
        self.kc.allow_stdin = False
        return self.kc

    start_new_kernel_client = run_sync(async_start_new_kernel_client)

    async def _answers(self) -> bool:
        """Whether it answers a question, and is heard to be idle again after it."""
        question = self.kc.kernel_info()
        try:
            reply = await self.kc.shell_channel.get_msg(timeout=1)
            while reply["parent_header"].get("msg_id") != question:
                reply = await self.kc.shell_channel.get_msg(timeout=1)
            while True:
                said = await self.kc.iopub_channel.get_msg(timeout=0.2)
                state = said["content"].get("execution_state")
                if said["parent_header"].get("msg_id") == question and state == "idle":
                    return True
        except Empty:
            return False

    def _complaint(self) -> str:
        return self._redactor.text(self._early.complaint()) if self._early else ""

    def papermill_execute_cells(self) -> None:
        """Run cell after cell, and stop where one fails, asks to leave, or a signal was heard."""
        for index, cell in enumerate(self.nb.cells):
            if self._stop.is_set() or self._left:
                break
            if cell.cell_type != "code":  # nothing happens there, so nothing is to be saved
                self.nb_man.pass_over(cell)
                continue
            self.nb_man.cell_start(cell, index)
            try:
                self._execute(cell, index)
            except CellExecutionError as error:
                if not _left_well(error):
                    self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                break
            except BaseException as error:  # the kernel died, or did not answer
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                words = f"{error}".strip().split("\n")[0] or "no words"
                cell.outputs.append(
                    new_output("error", ename=type(error).__name__, evalue=words, traceback=[words])
                )
                raise
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)

    def _execute(self, cell: Any, index: int) -> None:
        """Run one cell. Raises what nbclient raises, and ReplyLost."""
        if OUTAGE_TAG in cell.metadata.get("tags", ()):
            self._settle()
        self._heard, self._busy = False, True
        try:
            self.execute_cell(cell, index)
        except DeadKernelError:
            if self._lost is self.task_poll_for_reply:
                raise ReplyLost(
                    f"the kernel was idle again, and sent no reply within {_REPLY:g} s"
                ) from None
            raise
        finally:
            self._busy = False

    def _hear_reply(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        """`quit()` raises nothing: its reply only asks the front end to let the kernel go."""
        payload = execute_reply["content"].get("payload", [])
        self._left = any(part.get("source") == "ask_exit" for part in payload)

    def process_message(self, msg: Any, *more: Any, **options: Any) -> Any:
        """What a cell says, without secrets: before it is kept, printed or logged."""
        idle = msg["content"].get("execution_state") == "idle"
        self._heard = self._heard or idle or msg["msg_type"] == "error"
        if idle:
            asyncio.get_running_loop().call_later(_REPLY, self._give_up, self.task_poll_for_reply)
        return super().process_message(
            {**msg, "content": self._redactor.whole(msg["content"])}, *more, **options
        )

    def _give_up(self, wait: asyncio.Future[Any]) -> None:
        """Wait no longer for a reply that nobody will send.

        Interrupted once more after its cell has ended, ipykernel says `KeyboardInterrupt caught in
        kernel`, is idle again, and has forgotten the reply: seen once in some hundred runs, and
        `pgha run` waited for ever.
        """
        if not wait.done():
            self._lost = wait
            wait.cancel()  # nbclient takes that for a dead kernel


class ReplyLost(RuntimeError):
    """A cell has ended, and how is not known: the journal tells what was done."""


def _left_well(error: CellExecutionError) -> bool:
    """SystemExit with status 0 is how a gate ends a rehearsal: the cell did what it should."""
    return bool(error.ename == "SystemExit" and error.evalue in ("", "0", "None"))
