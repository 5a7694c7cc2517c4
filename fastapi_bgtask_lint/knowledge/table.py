"""Reads the rows and answers for names. What the keys mean stands in the package's docstring."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["network", "sleep", "process", "database", "file", "cpu", "lock", "none"]
DefaultTimeout: TypeAlias = float | Literal["none"] | None
"""Seconds, unbounded, or unknown."""

_FALLIBLE = frozenset({"network", "process", "database", "file", "lock"})
_ALIAS_STEPS = 4


class ByArgument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A literal argument with which a call does not wait."""

    argument: str
    position: int | None = None
    value: bool | float


class Older(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The default timeout of the releases before a version."""

    below: str
    default: DefaultTimeout


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What a callable does."""

    names: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    kind: Kind = "none"
    metadata: bool = False
    blocks: bool = False
    awaitable: Literal["no", "coroutine", "awaitable"] = "no"
    fails: bool = False
    cleanup: bool = False
    waits: bool = False
    timeout: str | None = None
    position: int | None = None
    default: DefaultTimeout = None
    older: Older | None = None
    unbounded_words: tuple[str, ...] = ("None",)
    governed: Literal["client"] | None = None
    pool: str | None = None
    by_argument: ByArgument | None = None
    returns: str | None = None
    enters: str | None = None
    decorator: Literal["keeps", "hides", "context", "binds", "replaces"] | None = None
    runs: Literal["thread", "process", "await", "loop", "new-loop", "call", "schedule"] | None = None
    runs_argument: int | str | None = None
    forwards: bool = False
    detached: bool = False
    wraps: bool = False
    deadline: int | str | None = None
    deadline_raises: bool = True
    catches: tuple[str, ...] = ()
    entity: Literal["selects", "carries", "keeps", "one", "all", "row", "rows", "gets", "fetches"] | None = None
    writes: bool = False
    endless: tuple[str, ...] | None = None
    instead: str | None = None

    def qualified(self) -> Iterator[str]:
        """Every qualified name that the row speaks for."""
        for name in self.names:
            if not self.of:
                yield name
            for owner in self.of:
                yield f"{owner}.{name}"


class TypeRow(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What objects of a class are."""

    names: tuple[str, ...]
    bases: tuple[str, ...] = ()
    closes: bool = False
    closers: tuple[str, ...] = ()
    session: bool = False
    factory: bool = False
    silent: bool = False
    asyncio_object: bool = False
    attributes: dict[str, str] = msgspec.field(default_factory=dict)
    self_like: tuple[str, ...] = ()
    attributes_default: str | None = None
    methods_default: Row | None = None

    @property
    def name(self) -> str:
        """The canonical name."""
        return self.names[0]


class Table:
    """The rows by name. Every question takes any public name; what the table does not know it answers with None."""

    def __init__(
        self,
        rows: Mapping[str, Row],
        types: Mapping[str, TypeRow],
        aliases: Mapping[str, str],
        distributions: Mapping[str, str],
    ) -> None:
        self.rows = rows
        self.types = types
        self.aliases = aliases
        self.distributions = distributions
        self._canonical: dict[str, str] = {}
        self._lines: dict[str, tuple[str, ...]] = {}

    # --- names --------------------------------------------------------------------------------------------------------

    def canonical(self, name: str) -> str:
        """The one name under which the table knows what this name means; the name itself when it knows no other."""
        found = self._canonical.get(name)
        if found is None:
            found = self._canonical[name] = self._worked_out(name)
        return found

    def _worked_out(self, name: str) -> str:
        for _ in range(_ALIAS_STEPS):
            head, tail = name, ""
            while head and head not in self.aliases:
                head, _, last = head.rpartition(".")
                tail = f".{last}{tail}"
            if not head:
                break
            name = f"{self.aliases[head]}{tail}"
        return name

    def distribution(self, name: str) -> str | None:
        """The pip distribution that a name comes from; None for the standard library and what is not in the table."""
        while name and name not in self.distributions:
            name = name.rpartition(".")[0]
        return self.distributions.get(name)

    def distribution_of(self, row: Row) -> str | None:
        """The distribution that the callables of a row belong to; None for the standard library."""
        name = next(iter((*row.of, *row.names)), "")
        return self.distribution(name)

    # --- callables ----------------------------------------------------------------------------------------------------

    def row(self, name: str) -> Row | None:
        """What a callable does; for a method also by a class that inherits it."""
        name = self.canonical(name)
        found = self.rows.get(name)
        if found is not None:
            return found
        owner, _, method = name.rpartition(".")
        return self.method(owner, method) if owner in self.types else None

    def method(self, type_name: str, method: str) -> Row | None:
        """What a method of a type does: its own row, a base's, else what the type says of all its methods."""
        line = self._line(self.canonical(type_name))
        found = self._own_method(line, method)
        if found is not None or method.startswith("__"):
            return found
        defaults = (self.types[name].methods_default for name in line if name in self.types)
        return next((row for row in defaults if row is not None), None)

    def _own_method(self, line: Iterable[str], method: str) -> Row | None:
        rows = (self.rows.get(f"{name}.{method}") for name in line)
        return next((row for row in rows if row is not None), None)

    # --- types --------------------------------------------------------------------------------------------------------

    def type(self, name: str) -> TypeRow | None:
        """What objects of a class are."""
        return self.types.get(self.canonical(name))

    def attribute(self, type_name: str, attribute: str) -> str | None:
        """The type of an attribute; None for methods and for what is not known."""
        type_name = self.canonical(type_name)
        line = self._line(type_name)
        rows = [self.types[name] for name in line if name in self.types]
        for row in rows:
            if attribute in row.attributes:
                return self.canonical(row.attributes[attribute])
            if attribute in row.self_like:
                return type_name
        if attribute.startswith("_") or self._own_method(line, attribute) is not None:
            return None
        defaults = (row.attributes_default for row in rows)
        return next((default for default in defaults if default is not None), None)

    def is_subtype(self, name: str, base: str) -> bool | None:
        """Whether a class is another or derives from it; None when the table does not know the class."""
        name, base = self.canonical(name), self.canonical(base)
        if name == base:
            return True
        return base in self._line(name) if name in self.types else None

    def is_session(self, name: str) -> bool:
        """Whether objects of a class are database sessions or connections (factories, engines and pools are not)."""
        rows = [self.types[line] for line in self._line(self.canonical(name)) if line in self.types]
        return bool(rows) and not rows[0].factory and any(row.session for row in rows)

    def _line(self, name: str) -> tuple[str, ...]:
        """A class and its bases, nearest first."""
        known = self._lines.get(name)
        if known is not None:
            return known
        line: dict[str, None] = {}
        waiting = [name]
        while waiting:
            current = waiting.pop(0)
            if current in line:
                continue
            line[current] = None
            if current in self.types:
                waiting.extend(self.canonical(base) for base in self.types[current].bases)
        self._lines[name] = tuple(line)
        return self._lines[name]

    # --- what users add -----------------------------------------------------------------------------------------------

    def extended(
        self,
        session_types: Iterable[str] = (),
        offloaders: Iterable[str] = (),
        error_handlers: Iterable[str] = (),
        deadlines: Iterable[str] = (),
        blocking_calls: Iterable[str] = (),
        waits: Mapping[str, str] | None = None,
    ) -> Table:
        """A table that also knows what the configuration says; what it says of a known name is laid over its row.

        Offloaders take the callable first and pass the other arguments on. Error handlers and deadlines are decorators,
        context managers or both. `waits` maps a call's name to its timeout argument.
        """
        rows, types = dict(self.rows), dict(self.types)

        def add(names: Iterable[str], **changes: object) -> None:
            for name in map(self.canonical, names):
                rows[name] = msgspec.structs.replace(rows.get(name, Row(names=(name,))), **changes)

        add(offloaders, runs="thread", runs_argument=0, forwards=True)
        add(error_handlers, decorator="keeps", catches=("Exception",))
        add(deadlines, decorator="keeps", deadline=0)
        add(blocking_calls, kind="network", blocks=True, fails=True)
        for name, argument in (waits or {}).items():
            add((name,), kind="network", fails=True, waits=True, timeout=argument, default="none", older=None)
        for name in map(self.canonical, session_types):
            types[name] = msgspec.structs.replace(types.get(name, TypeRow(names=(name,))), session=True, factory=False)
        return Table(rows, types, self.aliases, self.distributions)


class File(msgspec.Struct, forbid_unknown_fields=True):
    """What one TOML file says."""

    distributions: dict[str, str] = {}
    aliases: dict[str, str] = {}
    row: list[Row] = []
    type: list[TypeRow] = []


@functools.cache
def load() -> Table:
    """The table that comes with the tool."""
    entries = sorted(resources.files(__package__).iterdir(), key=lambda entry: entry.name)
    return gather((entry.name, entry.read_text(encoding="utf-8")) for entry in entries if entry.name.endswith(".toml"))


def gather(files: Iterable[tuple[str, str]]) -> Table:
    """The table of some files, each by its name and text.

    Raises `ValueError` when two rows speak for one name, `msgspec.ValidationError` for an unknown key or value.
    """
    rows: dict[str, Row] = {}
    types: dict[str, TypeRow] = {}
    aliases: dict[str, str] = {}
    distributions: dict[str, str] = {}
    for name, text in files:
        file = read(text)
        distributions |= file.distributions
        _merge(aliases, file.aliases, name)
        for row in file.row:
            _merge(rows, dict.fromkeys(row.qualified(), row), name)
        for kind in file.type:
            _merge(types, {kind.name: _with_owned_methods(kind)}, name)
            _merge(aliases, dict.fromkeys(kind.names[1:], kind.name), name)
    return Table(rows, types, aliases, distributions)


def _with_owned_methods(kind: TypeRow) -> TypeRow:
    """The same class, with itself as the owner of the methods that have no row of their own."""
    if kind.methods_default is None:
        return kind
    methods = msgspec.structs.replace(kind.methods_default, of=(kind.name,))
    return msgspec.structs.replace(kind, methods_default=methods)


def read(text: str) -> File:
    """One file, checked. Raises `msgspec.ValidationError` for an unknown key or value."""
    data = tomllib.loads(text)
    for entry in data.get("row", ()):
        _set_fails(entry)
    for entry in data.get("type", ()):
        if "methods-default" in entry:
            _set_fails(entry["methods-default"])
    return msgspec.convert(data, File)


def _set_fails(row: dict[str, object]) -> None:
    row.setdefault("fails", row.get("kind", "none") in _FALLIBLE)


def _merge(into: dict[str, Any], more: Mapping[str, Any], where: str) -> None:
    twice = into.keys() & more.keys()
    if twice:
        raise ValueError(f"{where}: more than one row for {', '.join(sorted(twice))}")
    into.update(more)
