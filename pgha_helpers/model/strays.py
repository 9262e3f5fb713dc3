"""What somebody has left in a data directory, with which its next start would go wrong."""

from __future__ import annotations

from dataclasses import dataclass

from .disk import Disk


@dataclass(frozen=True)
class Stray:
    """A file of the data directory, and what it would do to a start."""

    file: str
    would: str

    def __str__(self) -> str:
        return f"{self.file} would {self.would}"


def strays(disk: Disk) -> tuple[Stray, ...]:
    """Each of them.

    A backup_label stays of an exclusive backup whose server has died; the start would begin at that
    backup's checkpoint, whatever came since (seen on 9.0 and 18: the server stays down, or never
    comes up). One of a copy that was not started yet belongs there: of ours in an exclusive
    backup; those of pg_basebackup and pg_rewind are not told at all.
    """
    found = []
    if "recovery.signal" in disk.standby_files:
        found.append(Stray("recovery.signal", "let it recover from an archive"))
    major = disk.programs
    if "recovery.conf" in disk.unknown_files and major:
        found.append(Stray("recovery.conf", f"keep PostgreSQL {major} from starting"))
    if disk.label and not disk.half:
        found.append(Stray("backup_label", f"have it begin from the backup {disk.label!r}"))
    return tuple(found)
