"""How deep a text nests and how long it chains, from afar: LibCST's parser recurses in the machine's own stack."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN_DEPTH = 100
_PLAIN_CHAIN = 400
_GREATEST_DEPTH = 1_000
"""LibCST's parser takes 8 seconds for so many nested calls; three times as many overflow 8 MiB of stack."""
_GREATEST_CHAIN = 6_000
"""LibCST's parser takes time as the square of a chain's length: 5,000 terms take 6 seconds."""
_OPERATORS = re.compile(rb"[-+*/%|&^<>=(\[{.~]|\b(?:not|await|lambda|if|for|and|or)\b|[\"'] *[\"']")


@dataclass(frozen=True, slots=True)
class Nesting:
    """How a text looks from afar, strings and comments included, so both may be more than there is."""

    deepest: int
    """Brackets that are open at a time, or levels of indentation."""
    busiest: int
    """Operators and brackets of one statement."""

    @property
    def is_plain(self) -> bool:
        """It takes no more stack than every thread has."""
        return self.deepest <= _PLAIN_DEPTH and self.busiest <= _PLAIN_CHAIN

    @property
    def is_too_deep(self) -> bool:
        """LibCST's parser may end the process or take minutes."""
        return self.deepest > _GREATEST_DEPTH or self.busiest > _GREATEST_CHAIN


def nesting(data: bytes) -> Nesting:
    """Looks at a text."""
    depth = deepest = busy = 0
    busiest = data.count(b"elif")
    for line in data.replace(b"\r", b"\n").split(b"\n"):
        if depth > 0 or len(line) > _PLAIN_CHAIN or line.endswith(b"\\"):
            busy += len(_OPERATORS.findall(line))
            busiest = max(busiest, busy)
        if line[:_PLAIN_DEPTH].isspace():
            deepest = max(deepest, len(line) - len(line.lstrip()))
        opened = line.count(b"(") + line.count(b"[") + line.count(b"{")
        deepest = max(deepest, depth + opened)
        depth = max(0, depth + opened - line.count(b")") - line.count(b"]") - line.count(b"}"))
        if depth == 0 and not line.endswith(b"\\"):
            busy = 0
    return Nesting(deepest, busiest)
