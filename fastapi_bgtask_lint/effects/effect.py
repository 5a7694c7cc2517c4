"""One thing that a function does: a call of a library, or an exception that it raises."""

from __future__ import annotations

import enum

import msgspec
from msgspec.structs import replace

from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import FunctionDef, Try
from fastapi_bgtask_lint.resolving.values import Generator, Site, Value, Values

_EXIT = "builtins.SystemExit"


class Side(enum.Enum):
    """Where it happens, seen from the function that the summary is of."""

    HERE = "here"
    THREAD = "thread"
    NEW_LOOP = "new loop"


class EffectKind(enum.Enum):
    """What it is."""

    CALL = "call"
    RAISE = "raise"
    DEADLINE = "deadline"
    YIELD = "yield"
    """Where a generator hands control out; what the code that gets it does, happens here."""
    DRIVEN = "driven"
    """A generator is driven by hand and not run to its end."""
    HANDLER = "handler"
    """A handler stands here."""
    ENDLESS = "endless"
    """A loop or a retry that nothing in it ends."""
    EXIT = "exit"
    """The process ends at once; nothing catches that."""


class Timing(enum.Enum):
    """What bounds a wait, on its own."""

    NO_WAIT = "no wait"
    BOUNDED = "bounded"
    UNBOUNDED = "unbounded"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


class Effect(msgspec.Struct, frozen=True):
    """Something that happens when a function runs, with the chain of calls that leads to it.

    Very many are made, each a copy of another seen from one call further up: hence a struct.
    """

    kind: EffectKind
    what: str
    """The qualified name of what is called; of the class that is raised."""
    chain: tuple[Site, ...]
    """From the call in the function's own body to the place itself."""
    row: Row | None = None
    raised: Values = ()
    receiver: Value | None = None
    generator: Generator | None = None
    """Which one is driven."""
    attempt: Try | None = None
    """The `try` of a handler."""
    guards: bool = False
    """Something in that `try` is known to fail at times."""
    fails: bool = False
    """An exception can leave the function here."""
    side: Side = Side.HERE
    awaited: bool = False
    timing: Timing = Timing.NO_WAIT
    client: Site | None = None
    """Where the client was made that says how long it waits."""
    bounded: bool = False
    """A deadline of the loop covers it."""

    @property
    def leaf(self) -> Site:
        """The place itself."""
        return self.chain[-1]

    @property
    def entered(self) -> Site:
        """The call in the innermost `async def` of the chain, from which plain code is entered."""
        found = [
            site for site in self.chain if isinstance(site.context.scope, FunctionDef) and site.context.scope.is_async
        ]
        return found[-1] if found else self.chain[0]

    @property
    def is_exit(self) -> bool:
        """What is raised is `SystemExit`."""
        return any(getattr(value, "name", getattr(value, "type", "")) == _EXIT for value in self.raised)

    def called_from(self, site: Site) -> Effect:
        """The same, seen from a function that calls the one it was in."""
        return replace(self, chain=(site, *self.chain))

    def caught(self) -> Effect:
        """The same, with a handler round it."""
        return self if not self.fails else replace(self, fails=False)

    def within_deadline(self) -> Effect:
        """The same, with a deadline of the loop round it, which only bounds what is awaited here."""
        reaches = self.side is Side.HERE and (self.awaited or self.kind is EffectKind.YIELD)
        return replace(self, bounded=True) if reaches and not self.bounded else self

    def moved(self, side: Side) -> Effect:
        """The same, on another side."""
        return replace(self, side=side) if self.side is Side.HERE else self
