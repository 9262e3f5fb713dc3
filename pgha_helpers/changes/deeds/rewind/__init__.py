"""pg_rewind, which overwrites a data directory.

Everything that could be missed is saved before, and nothing that it left half done can ever be
started. While it works, the directory lies under another name beside its own: no service and no
hand that knows the old one can start it, whatever becomes of the runbook or of the machine.
"""

from .overwriting import put_away, rehearse, rewind
from .proofs import prove_source, see_its_own
from .recovering import put_back, recovered
from .saving import save

__all__ = [
    "prove_source",
    "put_away",
    "put_back",
    "recovered",
    "rehearse",
    "rewind",
    "save",
    "see_its_own",
]
