"""Colours for terminals, and none for everything else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Palette:
    """The parameters of the terminal's escape sequence for each use; empty for no colour."""

    error: str = ""
    warning: str = ""
    emphasis: str = ""
    aside: str = ""

    def paint(self, text: str, colour: str) -> str:
        """The text in one of the palette's colours."""
        return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


PLAIN = Palette()
COLOURS = Palette(error="1;31", warning="1;33", emphasis="1", aside="36")


def palette_for(stream: TextIO, environment: Mapping[str, str] | None = None) -> Palette:
    """Colours on a terminal only; `FORCE_COLOR` and `NO_COLOR`, when set and not empty, decide otherwise."""
    variables = os.environ if environment is None else environment
    if variables.get("NO_COLOR"):
        return PLAIN
    if variables.get("FORCE_COLOR"):
        return COLOURS
    return COLOURS if stream.isatty() and variables.get("TERM") != "dumb" else PLAIN
