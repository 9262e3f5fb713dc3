"""Reading: what the servers and the disks say, made into a snapshot.

Nothing in here changes anything. `survey.sql`, `queries.sql` and the `.sh` files hold what is
asked; `wal/` is all that reads WAL; `lag.py` and `charts.py` watch and draw. May import `model`,
`wire`, `judgement` and `run`. A new fact is a query, and a field of the model that it fills.
"""

from .look import look, until

__all__ = ["look", "until"]
