"""What becomes of each cell, told in the notebook: true whatever happens, and saved as it goes."""

from __future__ import annotations

from typing import Any

from papermill.engines import NotebookExecutionManager
from papermill.log import logger

from .output import Clean


class ExecutionManager(NotebookExecutionManager):  # type: ignore[misc]
    """Papermill's own, but for two habits.

    It calls completed what never ran, and stops where the disk is full.
    """

    def __init__(self, output: Clean | None, *more: Any, **options: Any) -> None:
        super().__init__(*more, **options)
        self._output = output
        self._said = ""
        self._goes_on = False  # the next cell begins at once

    def save(self, **_: Any) -> None:
        """Save the notebook as it is.

        What runs may be half of a hand-over: a full disk must not end it.
        """
        if self._goes_on:
            return
        self.last_save_time = self.now()
        if self._output is None:
            return
        try:
            self._output.save(self.nb, self.output_path)
        except OSError as error:
            words = (
                f"THE NOTEBOOK CANNOT BE SAVED in {self.output_path} ({error.strerror}). The "
                "run goes on."
            )
            if words != self._said:
                logger.error(words)
            self._said = words

    def cell_complete(self, cell: Any, cell_index: int | None = None, **more: Any) -> None:
        """Note how a cell has ended.

        The file learns of it with the beginning of the next one, or from the last.
        """
        later = self.nb.cells[cell_index + 1 :] if cell_index is not None else []
        self._goes_on = any(other.cell_type == "code" for other in later)
        try:
            super().cell_complete(cell, cell_index=cell_index, **more)
        finally:
            self._goes_on = False

    def pass_over(self, cell: Any) -> None:
        """Note that the notebook has come past a cell of prose."""
        now = self.now().isoformat()
        times = {"start_time": now, "end_time": now, "duration": 0.0}
        cell.metadata.papermill |= {"status": self.COMPLETED, "exception": False, **times}
        if self.pbar:
            self.pbar.update(1)

    def notebook_complete(self, **_: Any) -> None:
        """Save the notebook as it is."""
        self.end_time = self.now()
        told = self.nb.metadata.papermill
        told["end_time"] = self.end_time.isoformat()
        told["duration"] = (self.end_time - self.start_time).total_seconds()
        # a second signal may leave before the cell has been heard of again
        for cell in self.nb.cells:
            if cell.metadata.papermill["status"] == self.RUNNING:
                cell.metadata.papermill |= {"status": self.FAILED, "exception": True}
        self.save()
