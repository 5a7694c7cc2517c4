"""What a name means where it is read: the one lookup, through scopes, module, imports and built-ins."""

from __future__ import annotations

import builtins
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeGuard

from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Attribute,
    Call,
    ClassDef,
    Delete,
    Expression,
    FunctionDef,
    Import,
    ImportFrom,
    Lambda,
    Name,
    Subscript,
)
from fastapi_bgtask_lint.reading.traversal import parts, statements
from fastapi_bgtask_lint.resolving.bindings import Binding, Imported
from fastapi_bgtask_lint.resolving.ordering import as_shared, canonical, union
from fastapi_bgtask_lint.resolving.sharing import complete_uses
from fastapi_bgtask_lint.resolving.values import BOTTOM, TOP, Data, External, ModuleValue, Value, Values

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator
    from fastapi_bgtask_lint.resolving.project import Module
    from fastapi_bgtask_lint.resolving.values import Context

_Global: TypeAlias = "tuple[Module, str]"
_NO_NAMES: frozenset[str] = frozenset()
_NO_USES: frozenset[int] = frozenset()
_NO_ASSIGNMENTS: tuple[tuple[FunctionDef, Binding], ...] = ()


class Lookup(NamedTuple):
    """The bindings that a name can have where it is read, and the context that they are evaluated in."""

    bindings: tuple[Binding, ...]
    context: Context


class Names:
    """Looks names up."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        solver = evaluator.solver
        self._complete_uses = solver.query(complete_uses, _NO_USES)
        self._filled_names = solver.query(filled_names, _NO_NAMES)
        self._is_filled_somewhere = solver.query(self._search_filling, False)
        self._starred = solver.query(self._find_starred, BOTTOM, union)
        self._assigned_by_functions = solver.query(self._find_assigned_by_functions, _NO_ASSIGNMENTS)

    def values(self, name: Name, context: Context) -> Values:
        """What a name means where it is read."""
        found = self.lookup(name, context)
        if found is not None:
            values = self.bound(found)
            if found.context.scope is not context.scope or not self._is_complete(name, values, context):
                values = as_shared(values)
            return _with_unknown_items(values) if name.id in self._filled(found.context) else values
        if self._is_unbound_local(name, context):
            return BOTTOM
        values = as_shared(self.global_values(name.id, context.module))
        has_items = any(isinstance(value, Data) and value.items for value in values)
        if has_items and not name.id.isupper() and self._is_filled_somewhere((context.module, name.id)):
            return _with_unknown_items(values)
        return values

    def lookup(self, name: Name, context: Context) -> Lookup | None:
        """The bindings of a name where it is read, by flow; None where only the module's end or a built-in binds it.

        In the scopes around it those count that can hold when the function runs, later on: which reach its definition,
        and which come after it.
        """
        bindings = self._evaluator.reaching(context).at_use.get(name.at) or self._in_head(name, context)
        if bindings:
            return Lookup(bindings, context)
        if self._is_unbound_local(name, context):
            return None
        return self._captured(name.id, context)

    def lookup_at_end(self, name: Name, context: Context) -> Lookup | None:
        """The same for code that runs when the functions around it have ended: then the last binding holds."""
        found = self.lookup(name, context)
        if found is None or found.context is context or found.context.scope is None:
            return found
        at_end = self._evaluator.reaching(found.context).at_end.get(name.id, ())
        return found._replace(bindings=at_end) if at_end else found

    def _filled(self, context: Context) -> frozenset[str]:
        """The names whose collections a function changes, by an assignment to an item or a method that may."""
        return self._filled_names(context.scope) if isinstance(context.scope, FunctionDef) else _NO_NAMES

    def _is_complete(self, name: Name, values: Values, context: Context) -> bool:
        """Nothing else can have changed the collection that a function reads here."""
        if not any(isinstance(value, Data) and value.complete for value in values):
            return True
        return isinstance(context.scope, FunctionDef) and name.at in self._complete_uses(context.scope)

    def is_local(self, name: Name, context: Context) -> bool:
        """A function, and not the module, binds the name that is read."""
        found = self.lookup(name, context)
        return found is not None and found.context.scope is not None

    def bound(self, found: Lookup) -> Values:
        """The values of some bindings."""
        return union(*(self._evaluator.bound(binding, found.context) for binding in found.bindings))

    def _is_unbound_local(self, name: Name, context: Context) -> bool:
        """The function binds the name, but not on a way that leads here."""
        is_function = isinstance(context.scope, FunctionDef | Lambda)
        return is_function and name.id in self._evaluator.reaching(context).everywhere

    def _in_head(self, name: Name, context: Context) -> tuple[Binding, ...]:
        """Definitions in the bodies of modules and classes are read after those bodies were analysed."""
        if isinstance(context.scope, FunctionDef | Lambda):
            return ()
        return self._evaluator.reaching(context).in_head(name)

    def _captured(self, name: str, context: Context) -> Lookup | None:
        child, outer = context.scope, context.parent
        while outer is not None and outer.scope is not None:
            if not isinstance(outer.scope, ClassDef) and child is not None:
                bindings = self._evaluator.reaching(outer).closure(name, child.at)
                if bindings:
                    return Lookup(bindings, outer)
            child, outer = outer.scope, outer.parent
        return None

    # --- modules ------------------------------------------------------------------------------------------------------

    def global_values(self, name: str, module: Module) -> Values:
        """What a name means at the end of a module, or as a built-in."""
        context = self._evaluator.module_context(module)
        bindings = self._evaluator.reaching(context).at_end.get(name, ())
        values = union(self.bound(Lookup(bindings, context)), self._from_functions(name, module))
        if values or bindings:
            return values
        if hasattr(builtins, name):
            return (External(f"builtins.{name}"),)
        return self._starred((module, name)) or TOP

    def _from_functions(self, name: str, module: Module) -> Values:
        """What functions assign to a name that they declare global."""
        module_context = self._evaluator.module_context(module)
        assigned = self._assigned_by_functions((module, name))
        contexts = ((self._evaluator.context(module, function, module_context), b) for function, b in assigned)
        return union(*(self._evaluator.bound(binding, context) for context, binding in contexts))

    def _find_assigned_by_functions(self, key: _Global) -> tuple[tuple[FunctionDef, Binding], ...]:
        module, name = key
        context = self._evaluator.module_context(module)
        return tuple(
            (definition, binding)
            for definition in module.functions_binding(name)
            for binding in self._evaluator.reaching(self._evaluator.context(module, definition, context)).outer.get(
                name, ()
            )
        )

    def _find_starred(self, key: _Global) -> Values:
        """A name that `from module import *` binds."""
        module, name = key
        context = self._evaluator.module_context(module)
        results: list[Values] = []
        for binding in self._evaluator.reaching(context).everywhere.get("*", ()):
            if isinstance(binding, Imported) and isinstance(binding.statement, ImportFrom):
                location = self._evaluator.project.imported_from(binding.statement, module.path)
                if location is not None:
                    values = self.member(ModuleValue(location, binding.statement.module), name)
                    results.append(values if values != TOP else BOTTOM)
        return union(*results)

    def is_assigned_by_functions(self, name: str, module: Module) -> bool:
        """A function of the module assigns to the name, which it declares global."""
        return bool(self._assigned_by_functions((module, name)))

    def _search_filling(self, key: _Global) -> bool:
        """The text of a module may change the items of a collection that it has a name for."""
        module, name = key
        word = re.escape(name.encode())
        pattern = rb"\b%b(?:\[[^\]\n]*\][ \t]*=[^=]|\.(?:%b)\()" % (word, "|".join(sorted(_FILLING)).encode())
        return re.search(pattern, self._evaluator.project.text(module.path)) is not None

    # --- imports ------------------------------------------------------------------------------------------------------

    def imported(self, binding: Imported, module: Module) -> Values:
        """What an import binds."""
        statement, imported = binding.statement, binding.name
        if isinstance(statement, Import):
            dotted = imported.name if imported.alias is not None else imported.name.partition(".")[0]
            location = self._evaluator.project.absolute(dotted, module.path)
            return (External(dotted),) if location is None else (ModuleValue(location, dotted),)
        location = self._evaluator.project.imported_from(statement, module.path)
        if location is not None:
            return self.member(ModuleValue(location, statement.module), imported.name)
        if statement.level:
            return TOP
        return (External(self._evaluator.table.canonical(f"{statement.module}.{imported.name}")),)

    def member(self, module: ModuleValue, name: str) -> Values:
        """A name of a module of the project: what its file binds, else a module below it."""
        if module.location.is_file:
            read = self._evaluator.project.module(module.location.path)
            if read is None:
                return TOP
            if self._binds(read, name):
                return self.global_values(name, read)
            starred = self._starred((read, name))
            if starred:
                return starred
        below = self._evaluator.project.submodule(module.location, name)
        if below is not None:
            return (ModuleValue(below, f"{module.dotted}.{name}"),)
        return TOP if module.location.is_file else (External(f"{module.dotted}.{name}"),)

    def _binds(self, module: Module, name: str) -> bool:
        at_end = self._evaluator.reaching(self._evaluator.module_context(module)).at_end
        return name in at_end or self.is_assigned_by_functions(name, module)


_FILLING = frozenset({"update", "setdefault", "pop", "popitem", "clear", "append", "extend", "insert", "remove", "add"})


def filled_names(scope: FunctionDef) -> frozenset[str]:
    """The names whose collections a function changes."""
    found: set[str] = set()
    for statement in statements(scope.body):
        targets = statement.targets if isinstance(statement, Assign | Delete) else ()
        found |= {_root(target) for target in targets if isinstance(target, Subscript)}
    for part in parts(scope.body):
        match part:
            case Call(function=Attribute(value=owner, attr=attr)) if attr in _FILLING:
                found.add(_root(owner))
    return frozenset(found)


def _root(expression: Expression) -> str:
    """The name of a collection, where an item of an item ... of it is meant."""
    while isinstance(expression, Subscript):
        expression = expression.value
    return expression.id if isinstance(expression, Name) else ""


def _with_unknown_items(values: Values) -> Values:
    """Collections that are changed after they were made: which item has which key is not known."""
    return canonical(tuple(_blurred(value) if _has_items(value) else value for value in values))


def _has_items(value: Value) -> TypeGuard[Data]:
    return isinstance(value, Data) and (bool(value.items) or value.complete)


def _blurred(value: Data) -> Data:
    return replace(value, text=None, complete=False, items=(("*", union(*(found for _, found in value.items), TOP)),))
