"""The .sh files: each beside the module that runs it, some of them with what several share."""

from __future__ import annotations

import re
from pathlib import Path

_SHARED = Path(__file__).parent
_INCLUDE = re.compile(r"^# include (\S+)\n", re.MULTILINE)


def script_file(module: str, name: str) -> str:
    """The text of a script that lies beside a module, as in `script_file(__file__, "disk.sh")`.

    A line `# include NAME` in it stands for that file beside this module: shell functions.
    """
    text = Path(module).with_name(name).read_text("utf-8")
    return _INCLUDE.sub(lambda found: shell_functions(found[1]), text)


def shell_functions(name: str) -> str:
    """The text of one of the files that several scripts begin with."""
    return (_SHARED / name).read_text("utf-8")
