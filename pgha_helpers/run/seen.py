"""What a run has read and need not read again: all that `facts` ever write into a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..judgement.plans.rebuild import Evidence
from ..model import Snapshot
from ..model.frontend import LiveOutput
from ..model.host import Start
from ..model.losses import Losses
from ..model.lost_wal import LostWal
from ..model.throughput import Throughput


@dataclass
class Seen:
    """What was read last. Whoever takes it asks first whether it is still true."""

    #: What was judged last.
    judged: Snapshot | None = None
    #: What the last plan of a rebuild was made from.
    evidence: tuple[Snapshot, Evidence] | None = None
    #: By node, the words of its primary_conninfo that are not ours; see `facts.connection`.
    connection_keys: dict[str, Mapping[str, str]] = field(default_factory=dict)
    #: And what its recovery.conf says of an archive, up to 11.
    archive_words: dict[str, Mapping[str, str]] = field(default_factory=dict)
    #: What a node has in its WAL beyond a fork: to read that may take minutes.
    losses: Losses | None = None
    #: What a lost primary's disk holds: nothing of it is read twice within an outage.
    lost_wal: LostWal | None = None
    #: The last copy, until it has been drawn: the first picture takes a second.
    throughput: Throughput | None = None
    #: The output that `sample` draws while it samples, until `chart` has drawn the last picture.
    live: LiveOutput | None = None

    @property
    def start(self) -> Start | None:
        """How the loser of the last plan of a rebuild would start; None where none was made."""
        return self.evidence[1].start if self.evidence else None
