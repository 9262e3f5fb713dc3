"""docs/first-pair.md as somebody reads it who types every line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pgha_helpers.run.checkout import CHECKOUT

_LINE = re.compile(r"(\w+)[#$] (.+)")
_SECTION = re.compile(r"^## (?:(\d+)\. )?.*$", re.MULTILINE)


@dataclass(frozen=True)
class Typed:
    """A line to type: in which section, on which machine, and what the guide shows of the
    answer.
    """

    section: int
    on: str
    line: str
    shows: tuple[str, ...] = ()

    def as_of(self, names: dict[str, str]) -> Typed:
        """The same line for another machine."""
        line = re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], self.line)
        return replace(self, on=names.get(self.on, self.on), line=line, shows=())


@dataclass(frozen=True)
class Section:
    """One of the numbered sections; 0 is what stands before and after them."""

    number: int
    text: str

    @property
    def blocks(self) -> list[list[str]]:
        """What stands between two fences, by lines."""
        return [
            block.splitlines() for block in re.findall(r"^```\n(.*?)^```", self.text, re.M | re.S)
        ]

    def typed(self) -> Iterator[Typed]:
        """Its lines to type, in their order."""
        for block in self.blocks:
            yield from self._of_block(block)

    def _of_block(self, block: list[str]) -> Iterator[Typed]:
        found: list[Typed] = []
        for line in block:
            if typed := _LINE.fullmatch(line):
                found.append(Typed(self.number, typed[1], typed[2]))
            elif found and line != "...":
                found[-1] = replace(found[-1], shows=(*found[-1].shows, line))
        yield from found

    def to_write(self, first: str) -> str:
        """The block without anything to type that begins with these words: what goes into a
        file.
        """
        (found,) = [block for block in self.blocks if block[0].startswith(first)]
        return "\n".join(found) + "\n"

    def table(self) -> list[list[str]]:
        """The words in backticks of each row's first two cells."""
        rows = [line.split("|")[1:3] for line in self.text.splitlines() if line.startswith("| `")]
        return [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in rows]  # type: ignore[misc]


def sections() -> dict[int, Section]:
    """The guide by its numbers."""
    text = (CHECKOUT / "docs" / "first-pair.md").read_text()
    heads = [*_SECTION.finditer(text)]
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        int(head[1]): Section(int(head[1]), text[head.end() : end])
        for head, end in zip(heads, ends, strict=True)
        if head[1]
    }
