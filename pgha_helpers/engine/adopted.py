"""Handing a kernel that runs already to jupyter_client, which would rather start one itself."""

from __future__ import annotations

import os
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from .early import EarlyKernel


def adopt(kernel: EarlyKernel) -> Any:
    """A kernel manager that has this kernel, as if it had started it."""
    manager = AsyncKernelManager(kernel_name="python3")
    connection: Any = kernel.connection
    manager.load_connection_info(connection)
    provisioner = LocalProvisioner(kernel_id="early", kernel_spec=None, parent=manager)
    provisioner.connection_info = connection
    provisioner.process, provisioner.pid = kernel.process, kernel.process.pid
    provisioner.pgid = os.getpgid(kernel.process.pid)
    manager.provisioner = provisioner
    manager.post_start_kernel()
    return manager
