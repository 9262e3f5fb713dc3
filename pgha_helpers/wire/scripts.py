"""The .sh files: each beside the module that runs it, some of them with what several share."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_SHARED = Path(__file__).parent
_INCLUDE = re.compile(r"^# include (\S+)\n", re.MULTILINE)
_COMMENT = re.compile(r"^ *#.*\n", re.MULTILINE)


@cache
def script_file(module: str, name: str) -> str:
    """The text of a script that lies beside a module, as in `script_file(__file__, "disk.sh")`.

    A line `# include NAME` in it stands for that file beside this module: shell functions. Lines
    that are comments stay here: some scripts are sent while clients wait.
    """
    text = Path(module).with_name(name).read_text("utf-8")
    return _COMMENT.sub("", _INCLUDE.sub(lambda found: shell_functions(found[1]), text))


@cache
def shell_functions(name: str) -> str:
    """The text of one of the files that several scripts begin with."""
    return _COMMENT.sub("", (_SHARED / name).read_text("utf-8"))
