"""How PostgreSQL's versions are named and ordered."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Major:
    """A major version of PostgreSQL, which has two parts below 10. It refuses to be compared with a
    number: 9.6 is before 10, and 9.10 never was.

    >>> Major.of(90624), Major.of(180001)
    (Major('9.6'), Major('18'))
    >>> Major.parse("9.6") < Major.parse("10.23")
    True
    """

    first: int
    second: int = 0

    @classmethod
    def of(cls, version: int) -> Major:
        """That of a `server_version_num`."""
        return cls(version // 10000, version // 100 % 100 if version < 100000 else 0)

    @classmethod
    def parse(cls, text: str) -> Major:
        """That of a version as it is written, such as 9.0.0, 9.6 or 18beta1. Raises ValueError."""
        found = re.match(r"(?:(\d\d+)|(\d)\.(\d+))(?![\d])", text)
        if not found:
            raise ValueError(f"{text!r} is no version of PostgreSQL")
        return cls(int(found[1])) if found[1] else cls(int(found[2]), int(found[3]))

    @classmethod
    def told(cls, words: str) -> Major | None:
        """That of what a program says of itself; None where it names none.

        >>> Major.told("postgres (PostgreSQL) 9.6.24"), Major.told("not found")
        (Major('9.6'), None)
        """
        _, _, version = words.partition("PostgreSQL) ")
        try:
            return cls.parse(version)
        except ValueError:
            return None

    def __str__(self) -> str:
        return str(self.first) if self.first >= 10 else f"{self.first}.{self.second}"

    def __repr__(self) -> str:
        return f"Major('{self}')"


def written(version: int) -> str:
    """A `server_version_num` as PostgreSQL writes it.

    >>> written(180006), written(90624)
    ('18.6', '9.6.24')
    """
    return f"{Major.of(version)}.{version % (10000 if version >= 100000 else 100)}"


def order(text: str) -> tuple[Major, int, int]:
    """What versions are sorted by, as they are written: a beta comes before its release.

    >>> sorted(["19.0", "9.6.24", "19rc1", "19beta10", "19beta3", "9.0.0"], key=order)
    ['9.0.0', '9.6.24', '19beta3', '19beta10', '19rc1', '19.0']
    """
    stage, number = re.findall(r"(devel|beta|rc|[.]|^)(\d*)", text)[-1]
    return Major.parse(text), ("devel", "beta", "rc", ".", "").index(stage), int(number or 0)


def majors_between(oldest: Major, newest: Major) -> tuple[Major, ...]:
    """Every major version from one to another one, which is 10 or later.

    >>> majors_between(Major.parse("9.5"), Major.parse("11"))
    (Major('9.5'), Major('9.6'), Major('10'), Major('11'))
    """
    found = [*(Major(9, n) for n in range(7)), *(Major(n) for n in range(10, newest.first + 1))]
    return tuple(major for major in found if major >= oldest)
