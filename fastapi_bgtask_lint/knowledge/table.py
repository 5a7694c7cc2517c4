"""The rows of the table of libraries, their loader and the lookups by qualified name.

The keys of the TOML files are documented in the package's docstring.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, Literal, TypeAlias

import msgspec

CallKind: TypeAlias = Literal["network", "sleep", "process", "database", "file", "cpu", "lock", "none"]
"""What a call spends its time on."""
DefaultTimeout: TypeAlias = float | Literal["none"] | None
"""Seconds, "none" for an unbounded wait, None if unknown."""

_FALLIBLE = frozenset({"network", "process", "database", "file", "lock"})


class ByArgument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A literal argument with which a call does not wait."""

    argument: str
    position: int | None = None
    value: bool | float


class Older(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The default timeout in versions before `below`."""

    below: str
    default: DefaultTimeout


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A callable, or several that behave alike."""

    names: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    kind: CallKind = "none"
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

    def qualified_names(self) -> Iterator[str]:
        """The qualified names of the callables."""
        for name in self.names:
            if not self.of:
                yield name
            for owner in self.of:
                yield f"{owner}.{name}"


class TypeRow(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A class."""

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
    """The rows by qualified name.

    Lookups accept every public name of a class or callable and return None for what is not in the table.
    """

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
        self._canonical_names: dict[str, str] = {}
        self._mros: dict[str, tuple[str, ...]] = {}

    # --- names --------------------------------------------------------------------------------------------------------

    def canonical(self, name: str) -> str:
        """The canonical name of what a name refers to; the name itself if it is no alias."""
        found = self._canonical_names.get(name)
        if found is None:
            found = self._canonical_names[name] = self._resolve_alias(name)
        return found

    def _resolve_alias(self, name: str) -> str:
        """Replaces the longest prefix of the name that is an alias. No alias leads to another."""
        head, tail = name, ""
        while head and head not in self.aliases:
            head, _, last = head.rpartition(".")
            tail = f".{last}{tail}"
        return f"{self.aliases[head]}{tail}" if head else name

    def distribution(self, name: str) -> str | None:
        """The distribution (as pip calls it) that has a name; None for the standard library."""
        while name and name not in self.distributions:
            name = name.rpartition(".")[0]
        return self.distributions.get(name)

    def distribution_of(self, row: Row) -> str | None:
        """The distribution that has the callables of a row; None for the standard library."""
        name = next(iter((*row.of, *row.names)), "")
        return self.distribution(name)

    # --- callables ----------------------------------------------------------------------------------------------------

    def row(self, name: str) -> Row | None:
        """The row of a callable; of a method also by the name of a class that inherits it."""
        name = self.canonical(name)
        found = self.rows.get(name)
        if found is not None:
            return found
        owner, _, method = name.rpartition(".")
        return self.method(owner, method) if owner in self.types else None

    def method(self, type_name: str, method: str) -> Row | None:
        """The row of a method: of the class or of a base, otherwise the default of the class for its methods."""
        mro = self._mro(self.canonical(type_name))
        found = self._row_in_mro(mro, method)
        if found is not None or method.startswith("__"):
            return found
        defaults = (self.types[name].methods_default for name in mro if name in self.types)
        return next((row for row in defaults if row is not None), None)

    def _row_in_mro(self, mro: Iterable[str], method: str) -> Row | None:
        rows = (self.rows.get(f"{name}.{method}") for name in mro)
        return next((row for row in rows if row is not None), None)

    # --- types --------------------------------------------------------------------------------------------------------

    def type(self, name: str) -> TypeRow | None:
        """The row of a class."""
        return self.types.get(self.canonical(name))

    def attribute(self, type_name: str, attribute: str) -> str | None:
        """The type of an attribute; None for methods and for unknown attributes."""
        type_name = self.canonical(type_name)
        mro = self._mro(type_name)
        rows = [self.types[name] for name in mro if name in self.types]
        for row in rows:
            if attribute in row.attributes:
                return self.canonical(row.attributes[attribute])
            if attribute in row.self_like:
                return type_name
        if attribute.startswith("_") or self._row_in_mro(mro, attribute) is not None:
            return None
        defaults = (row.attributes_default for row in rows)
        return next((default for default in defaults if default is not None), None)

    def is_subtype(self, name: str, base: str) -> bool | None:
        """Whether a class is another class or derives from it; None if the class is not in the table."""
        name, base = self.canonical(name), self.canonical(base)
        if name == base:
            return True
        return base in self._mro(name) if name in self.types else None

    def is_session(self, name: str) -> bool:
        """Whether instances of a class are database sessions or connections; factories, engines and pools are not."""
        rows = [self.types[cls] for cls in self._mro(self.canonical(name)) if cls in self.types]
        return bool(rows) and not rows[0].factory and any(row.session for row in rows)

    def _mro(self, name: str) -> tuple[str, ...]:
        """The method resolution order of a class: itself, then its bases. No row has more than one base."""
        mro = self._mros.get(name)
        if mro is None:
            row = self.types.get(name)
            bases = row.bases if row is not None else ()
            mro = self._mros[name] = (name, *(cls for base in bases for cls in self._mro(self.canonical(base))))
        return mro

    # --- the user's additions -----------------------------------------------------------------------------------------

    def extended(
        self,
        session_types: Iterable[str] = (),
        offloaders: Iterable[str] = (),
        error_handlers: Iterable[str] = (),
        deadlines: Iterable[str] = (),
        blocking_calls: Iterable[str] = (),
        waits: Mapping[str, str] | None = None,
    ) -> Table:
        """A copy of the table with the names of the configuration, which override the keys of existing rows.

        Offloaders take the callable first and pass the other arguments on. Error handlers and deadlines are decorators,
        context managers or both. `waits` maps the name of a call to its timeout argument.
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


class TableFile(msgspec.Struct, forbid_unknown_fields=True):
    """The content of one TOML file."""

    distributions: dict[str, str] = {}
    aliases: dict[str, str] = {}
    row: list[Row] = []
    type: list[TypeRow] = []


@functools.cache
def load() -> Table:
    """The table that is part of the package."""
    entries = sorted(resources.files(__package__).iterdir(), key=lambda entry: entry.name)
    return build((entry.name, entry.read_text(encoding="utf-8")) for entry in entries if entry.name.endswith(".toml"))


def build(files: Iterable[tuple[str, str]]) -> Table:
    """Builds a table from the names and texts of files.

    Raises `ValueError` if a name has two rows, `msgspec.ValidationError` for an unknown key or value.
    """
    rows: dict[str, Row] = {}
    types: dict[str, TypeRow] = {}
    aliases: dict[str, str] = {}
    distributions: dict[str, str] = {}
    for name, text in files:
        file = parse(text)
        distributions |= file.distributions
        _update(aliases, file.aliases, name)
        for row in file.row:
            _update(rows, dict.fromkeys(row.qualified_names(), row), name)
        for cls in file.type:
            _update(types, {cls.name: _with_owned_methods(cls)}, name)
            _update(aliases, dict.fromkeys(cls.names[1:], cls.name), name)
    return Table(rows, types, aliases, distributions)


def _with_owned_methods(cls: TypeRow) -> TypeRow:
    """The row of a class in which the default row of the methods names the class as their owner."""
    if cls.methods_default is None:
        return cls
    methods = msgspec.structs.replace(cls.methods_default, of=(cls.name,))
    return msgspec.structs.replace(cls, methods_default=methods)


def parse(text: str) -> TableFile:
    """Parses and validates one file. Raises `msgspec.ValidationError` for an unknown key or value."""
    data = tomllib.loads(text)
    for entry in data.get("row", ()):
        _set_default_of_fails(entry)
    for entry in data.get("type", ()):
        if "methods-default" in entry:
            _set_default_of_fails(entry["methods-default"])
    return msgspec.convert(data, TableFile)


def _set_default_of_fails(row: dict[str, object]) -> None:
    row.setdefault("fails", row.get("kind", "none") in _FALLIBLE)


def _update(into: dict[str, Any], more: Mapping[str, Any], file: str) -> None:
    duplicates = into.keys() & more.keys()
    if duplicates:
        raise ValueError(f"{file}: more than one row for {', '.join(sorted(duplicates))}")
    into.update(more)
