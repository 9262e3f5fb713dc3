"""What a command names, found before anything is begun: a pair's file, and a notebook.

Standard library only: a wrong name is answered before a kernel starts, and before pydantic loads.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..model.errors import BadParameters
from ..model.here import here
from .checkout import PARAMETERS, SOURCES


def find_notebook(notebook: str) -> Path:
    """The notebook's source. Raises BadParameters that lists those that there are."""
    known = known_notebooks()
    if not known:
        raise BadParameters(
            f"there are no notebooks in {SOURCES}", "install the package again: pip install ."
        )
    if notebook not in known:
        raise BadParameters(f"there is no notebook {notebook!r}", f"it may be {', '.join(known)}")
    return SOURCES / f"{notebook}.ipynb"


def known_notebooks() -> list[str]:
    """The names of all notebooks, in order."""
    return sorted(path.stem for path in SOURCES.glob("*.ipynb"))


def complete_notebook(incomplete: str) -> list[str]:
    """Those that begin so, for a shell's completion."""
    return [name for name in known_notebooks() if name.startswith(incomplete)]


def complete_pair(incomplete: str) -> list[str]:
    """The pairs whose names begin so, for a shell's completion."""
    return [name for name in known_pairs() if name.startswith(incomplete)]


def places() -> list[Path]:
    """Folders in which a pair's name is looked up, in order."""
    own = os.environ.get("PGHA_PARAMETERS", "")
    named = [Path(here(own))] if own else []
    return [*named, *PARAMETERS, Path(here("~/.config/pgha"))]


def known_pairs() -> list[str]:
    """The names of all pair files in `places()`, in order."""
    folders = [place for place in places() if place.is_dir()]
    return sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})


def find_pair(pair: str) -> Path:
    """The file of a pair.

    A path if it has a `/` or ends in .yaml, else NAME.yaml in one of `places()`. Raises
    BadParameters that lists where it was looked for and which names exist.
    """
    if "/" in pair or pair.endswith(".yaml"):
        path = Path(here(pair))
        if _is_file(path):
            return path.resolve()
        raise BadParameters(
            f"there is no pair file {path.absolute()}", "pgha init NAME writes one to fill in"
        )
    for place in places():
        if pair and _is_file(place / f"{pair}.yaml"):
            return place / f"{pair}.yaml"
    known = known_pairs()
    if not pair.strip():
        raise BadParameters("which pair?", f"name one: {', '.join(known) or 'pgha init NAME'}")
    hint = "`make lab` makes the pair `lab`" if pair == "lab" else "pgha init NAME writes a new one"
    where = ", ".join(map(str, places()))
    raise BadParameters(
        f"there is no pair {pair!r} in {where}",
        f"known pairs: {', '.join(known) or 'none'}; {hint}",
    )


def pair_name_of(pair: str) -> str:
    """What a pair is called that was typed as a name, or as the path of its file.

    >>> pair_name_of("prod"), pair_name_of("/etc/pgha/prod.yaml")
    ('prod', 'prod')
    """
    return Path(pair).stem if "/" in pair or pair.endswith(".yaml") else pair


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no file has so long a name
        return False
