"""Handing a kernel that runs already to jupyter_client, which would rather start one itself."""

from __future__ import annotations

import os
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from .prestarted_kernel import EarlyKernel


class _Manager(AsyncKernelManager):
    """A manager of a kernel that has no specification on disk.

    Looked up, it might be that of another Python.
    """

    @property
    def kernel_spec(self) -> KernelSpec:
        """How it is interrupted is all that is asked of it."""
        return KernelSpec(
            argv=[], display_name="Python 3", language="python", interrupt_mode="signal"
        )


def adopt(kernel: EarlyKernel) -> Any:
    """A kernel manager that has this kernel, as if it had started it."""
    connection: Any = kernel.connection
    manager = _Manager(kernel_name="python3")
    manager.load_connection_info(connection)
    provisioner = LocalProvisioner(
        kernel_id="early", kernel_spec=manager.kernel_spec, parent=manager
    )
    provisioner.connection_info = connection
    provisioner.process, provisioner.pid = kernel.process, kernel.process.pid
    provisioner.pgid = os.getpgid(kernel.process.pid)
    manager.provisioner = provisioner
    return manager
