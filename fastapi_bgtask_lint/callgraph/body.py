"""The body of a function in a context: its edges and its leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fastapi_bgtask_lint.callgraph.covers import NO_COVER, UNCOVERED, Cover, Covers
from fastapi_bgtask_lint.callgraph.leaves import Alternative, Leaf, Side
from fastapi_bgtask_lint.resolving.values import CallArgument, Context, Function, Site


@dataclass(frozen=True, slots=True)
class Edge:
    """A call of a function of the project."""

    function: Function
    context: Context
    """The context of the callee's body."""
    site: Site
    arguments: tuple[CallArgument, ...] = ()
    """The evaluated arguments; nothing where the call itself stands elsewhere."""
    side: Side = Side.HERE
    awaited: bool = False
    covers: Covers = UNCOVERED
    """What covers the call."""
    decorators: Cover = NO_COVER
    """What the configuration says of the callee's decorators."""
    others: tuple[Alternative, ...] = ()
    """What a setting may choose in its place."""


Part: TypeAlias = Edge | Leaf


@dataclass(frozen=True, slots=True)
class Body:
    """What running a function does, one call deep, in the order of the source."""

    edges: tuple[Edge, ...] = ()
    leaves: tuple[Leaf, ...] = ()


EMPTY = Body()


@dataclass(frozen=True, slots=True)
class CallPlace:
    """Where a call is made, and under which circumstances."""

    site: Site
    covers: Covers
    awaited: bool = False
    side: Side = Side.HERE
