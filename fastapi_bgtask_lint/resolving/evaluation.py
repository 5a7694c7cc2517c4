"""What an expression can be: evaluation on demand, each expression once a context.

Three answers: values, `UNKNOWN` among them for "and perhaps others", and no value at all for what can't be reached (or
depends on itself). Nothing is ever run or imported.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable

from fastapi_bgtask_lint.knowledge import Table
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Await,
    BoolOp,
    Call,
    ClassDef,
    Collection,
    Comprehension,
    Conditional,
    Constant,
    DeferredDefinition,
    Expression,
    FString,
    FunctionDef,
    Import,
    ImportFrom,
    Lambda,
    Mapping,
    Name,
    NamedExpr,
    Operation,
    Starred,
    Statement,
    Subscript,
)
from fastapi_bgtask_lint.resolving.annotations import Annotations, owned
from fastapi_bgtask_lint.resolving.bindings import (
    Assigned,
    Binding,
    Bound,
    Caught,
    Defined,
    Imported,
    Iterated,
    Opened,
    Path,
)
from fastapi_bgtask_lint.resolving.calls import Calls
from fastapi_bgtask_lint.resolving.classes import Classes
from fastapi_bgtask_lint.resolving.conditions import holds, possible
from fastapi_bgtask_lint.resolving.entities import Entities
from fastapi_bgtask_lint.resolving.project import Module, Project
from fastapi_bgtask_lint.resolving.reaching import Reaching, reaching_definitions
from fastapi_bgtask_lint.resolving.values import (
    BOTTOM,
    NONE,
    TOP,
    UNKNOWN,
    Alias,
    Awaitable,
    Class,
    Context,
    Coroutine,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    FromRequestState,
    FromWith,
    Function,
    Generator,
    Instance,
    Literal,
    ModuleValue,
    Origin,
    Site,
    Super,
    Value,
    Values,
    union,
)
from fastapi_bgtask_lint.solving.solver import Solver

_ITEMS = 60
"""Longer literals are tables of data: their items are not looked at."""
_DEPTH = 8
"""Deeper than this, what callers hand over is forgotten."""
_CONTEXTS = 16
"""A function called with more different arguments than this is looked at without them from then on."""
_NESTED = 120
"""An expression that needs so many others to be known first may be anything."""
_BREADTH = 12
"""An expression with more values than this may be anything."""


REQUEST_STATE = "starlette.datastructures.State"


def _flags(arguments: tuple[tuple[str, Values], ...]) -> tuple[tuple[str, Values], ...]:
    """What stays known of arguments when there are too many: plain flags are few, and tests ask for them."""
    return tuple((name, values) for name, values in arguments if len(values) == 1 and _is_flag(values[0]))


def _is_flag(value: Value) -> bool:
    return isinstance(value, Literal) and (value.value is None or isinstance(value.value, bool))


class Evaluator:
    """Evaluates the expressions of one project."""

    def __init__(self, project: Project, table: Table, configured: tuple[str, ...] = ()) -> None:
        self.solver = Solver()
        self.project = project
        self.table = table
        self._configured = configured
        self.classes = Classes(self)
        self.calls = Calls(self)
        self.annotations = Annotations(self)
        self.entities = Entities(self)
        self._nested = 0
        self._looking: set[tuple[Context, str]] = set()
        self._contexts_by_key: dict[tuple[object, ...], Context] = {}
        self._contexts: dict[tuple[Module, int], set[tuple[tuple[str, Values], ...]]] = {}
        self._reaching: dict[tuple[Module, int], Reaching] = {}
        self._values: dict[Context, dict[int, Values]] = {}
        self._bound: dict[Context, dict[Binding, Values]] = {}
        self._globals: dict[tuple[Module, str], list[tuple[FunctionDef, Binding]]] = {}

    # --- contexts -------------------------------------------------------------------------------------------------------

    def module_context(self, module: Module) -> Context:
        """The scope of a module."""
        return self.context(module, None, None)

    def context(
        self,
        module: Module,
        scope: FunctionDef | Lambda | ClassDef | None,
        parent: Context | None,
        arguments: tuple[tuple[str, Values], ...] = (),
        depth: int = 0,
    ) -> Context:
        """The one context of this scope with these arguments."""
        if depth > _DEPTH:
            arguments, depth = _flags(arguments), 0
        key = (module, scope, parent, arguments)
        if key not in self._contexts_by_key:
            self._contexts_by_key[key] = Context(module, scope, parent, arguments, depth)
        return self._contexts_by_key[key]

    def body_context(self, function: Function, arguments: tuple[tuple[str, Values], ...], depth: int) -> Context:
        """The context of a function's body for a call; one without arguments when it is called in very many ways."""
        definition = function.definition
        seen = self._contexts.setdefault((function.module, definition.at), set())
        if arguments not in seen and len(seen) >= _CONTEXTS:
            arguments = _flags(arguments)
        seen.add(arguments)
        return self.context(function.module, definition, function.parent, arguments, depth)

    def reaching(self, context: Context) -> Reaching:
        """The reaching definitions of a context's scope."""
        key = (context.module, -1 if context.scope is None else context.scope.at)
        if key not in self._reaching:
            body: tuple[Statement, ...] = ()
            if context.scope is None:
                body = context.module.skeleton
            elif not isinstance(context.scope, Lambda):
                body = context.scope.body
            self._reaching[key] = reaching_definitions(context.scope, body)
        return self._reaching[key]

    def is_reachable(self, statement: Statement, context: Context) -> bool:
        """A statement of the context's function can be reached: no jump leaves before it, no test rules it out."""
        if statement.at not in self.reaching(context).reached:
            return False
        return self._is_possible(statement.at, context)

    def truth(self, test: Expression, context: Context) -> bool | None:
        """Whether a test is known to be true or false in a context."""
        return holds(self, test, context)

    # --- what the configuration teaches -------------------------------------------------------------------------------

    def configured(self, value: Value) -> str | None:
        """The name under which the configuration speaks of a function or class of the project."""
        if not self._configured or not isinstance(value, Function | Class) or isinstance(value.definition, Lambda):
            return None
        owner = value.parent.scope.name + "." if isinstance(value.parent.scope, ClassDef) else ""
        name = f"{self.project.dotted(value.module.path)}.{owner}{value.definition.name}"
        return next((known for known in self._configured if name == known or name.endswith(f".{known}")), None)

    # --- expressions --------------------------------------------------------------------------------------------------

    def evaluate(self, expression: Expression, context: Context) -> Values:
        """The values of an expression."""
        known = self._values.get(context)
        if known is None:
            known = self._values[context] = {}
        found = known.get(expression.at)
        if found is not None:
            return found
        if self._nested >= _NESTED:
            return TOP
        known[expression.at] = BOTTOM
        self._nested += 1
        try:
            found = known[expression.at] = self._widen(self._evaluate(expression, context))
        finally:
            self._nested -= 1
        return found

    @staticmethod
    def _widen(values: Values) -> Values:
        return values if len(values) <= _BREADTH else (*values[:_BREADTH], UNKNOWN)

    def _evaluate(self, expression: Expression, context: Context) -> Values:
        match expression:
            case Name():
                return self.name(expression, context)
            case Attribute():
                return self.attributes(self.evaluate(expression.value, context), expression.attr)
            case Call():
                return self.calls.result(expression, context)
            case Await():
                return self.awaited(self.evaluate(expression.value, context))
            case Constant():
                return (constant(expression),)
            case FString():
                return (Data("str"),)
            case Collection():
                return (self._collection(expression, context),)
            case Mapping():
                return (self._mapping(expression, context),)
            case BoolOp():
                return self._choice(expression, context)
            case Conditional():
                return union(self.evaluate(expression.body, context), self.evaluate(expression.orelse, context))
            case Operation():
                return self._operation(expression, context)
            case Subscript():
                return self._subscript(expression, context)
            case NamedExpr():
                return self.evaluate(expression.value, context)
            case Comprehension():
                kind = expression.kind
                return (Data(kind, items=(("*", self.evaluate(expression.element, context)),)),)
            case Lambda():
                return (Function(expression, context.module, context),)
            case _:
                return TOP

    def _collection(self, expression: Collection, context: Context) -> Data:
        if len(expression.items) > _ITEMS:
            return Data(expression.kind, items=(("*", TOP),))
        items: list[tuple[str, Values]] = []
        starred = False
        for index, item in enumerate(expression.items):
            if isinstance(item, Starred):
                starred = True
                items.append(("*", self.items(self.evaluate(item.value, context))))
            else:
                items.append(("*" if starred else str(index), self.evaluate(item, context)))
        return Data(expression.kind, items=tuple(items))

    def _mapping(self, expression: Mapping, context: Context) -> Data:
        if len(expression.items) > _ITEMS:
            return Data("dict", items=(("*", TOP),))
        items = []
        for key, value in expression.items:
            name = key.value if isinstance(key, Constant) and isinstance(key.value, str) else "*"
            values = self.evaluate(value, context)
            items.append((name, self.items(values) if key is None else values))
        return Data("dict", items=tuple(items))

    def _choice(self, expression: BoolOp, context: Context) -> Values:
        *earlier, last = (self.evaluate(value, context) for value in expression.values)
        if expression.operator == "and":
            return union(*earlier, last)
        truthy = [tuple(v for v in values if not (isinstance(v, Literal) and not v.value)) for values in earlier]
        return union(*truthy, last)

    def _operation(self, expression: Operation, context: Context) -> Values:
        operator = expression.operator
        if operator in ("not", "in", "not in", "is", "is not", "==", "!=", "<", ">", "<=", ">="):
            return (Data("bool"),)
        operands = [self.evaluate(operand, context) for operand in expression.operands]
        if operator == "|":
            return union(*operands)
        if operator == "/":
            paths = [v for v in operands[0] if isinstance(v, ExternalInstance) and v.type.startswith("pathlib.")]
            if paths:
                return tuple(paths)
        if operator in ("+", "%", "*", "/", "-", "//", "**"):
            data = [v for values in operands[:1] for v in values if isinstance(v, Data | Literal)]
            return (Data(data[0].type),) if data and isinstance(data[0], Data) else (Data("number"), UNKNOWN)
        return TOP

    def _subscript(self, expression: Subscript, context: Context) -> Values:
        results: list[Values] = []
        for value in self.evaluate(expression.value, context):
            match value:
                case Class():
                    results.append((Alias("", value, expression, context),))
                case External():
                    results.append((Alias(self.table.canonical(value.name), None, expression, context),))
                case Data():
                    results.append(self._item(value, expression))
                case ExternalInstance():
                    results.append(self.calls.method_result(value, "__getitem__"))
                case _:
                    results.append(TOP)
        return union(*results)

    def _item(self, value: Data, expression: Subscript) -> Values:
        index = expression.indices[0] if len(expression.indices) == 1 else None
        if isinstance(index, Constant) and value.items:
            exact = [values for key, values in value.items if key == str(index.value)]
            if exact:
                return exact[-1]
        return union(*(values for _, values in value.items)) or TOP

    # --- names --------------------------------------------------------------------------------------------------------

    def name(self, name: Name, context: Context) -> Values:
        """What a name means where it is read."""
        reaching = self.reaching(context)
        bindings = reaching.at_use.get(name.at) or self._in_head(name, context)
        if bindings:
            return self.all_bound(bindings, context)
        if name.id in reaching.everywhere and context.scope is not None and not isinstance(context.scope, ClassDef):
            return BOTTOM
        return self.free(name.id, context)

    def _in_head(self, name: Name, context: Context) -> tuple[Binding, ...]:
        """The definitions in the bodies of modules and classes are read after those bodies were looked at."""
        if isinstance(context.scope, FunctionDef | Lambda):
            return ()
        return self.reaching(context).in_head(name)

    def free(self, name: str, context: Context) -> Values:
        """What a name means that the scope itself does not bind: in the scopes round it, the module, the built-ins."""
        child = context.scope
        outer = context.parent
        while outer is not None and outer.scope is not None:
            if not isinstance(outer.scope, ClassDef) and child is not None:
                bindings = self.reaching(outer).closure(name, child.at)
                if bindings:
                    return self.all_bound(bindings, outer)
            child, outer = outer.scope, outer.parent
        return self.global_name(name, context.module)

    def global_name(self, name: str, module: Module) -> Values:
        """What a name means at the end of a module, or as a built-in."""
        context = self.module_context(module)
        bindings = self.reaching(context).at_end.get(name, ())
        values = self.all_bound(bindings, context)
        elsewhere = self._assigned_by_functions(module, name)
        if elsewhere:
            values = union(values, *(self.bound(binding, self._context_free(f, context)) for f, binding in elsewhere))
        if values:
            return values
        if hasattr(builtins, name) and not bindings:
            return (External(f"builtins.{name}"),)
        starred = self._starred(name, context)
        return starred or TOP

    def _context_free(self, function: FunctionDef, context: Context) -> Context:
        return self.context(context.module, function, context)

    def _assigned_by_functions(self, module: Module, name: str) -> list[tuple[FunctionDef, Binding]]:
        key = (module, name)
        if key not in self._globals:
            context = self.module_context(module)
            self._globals[key] = [
                (definition, binding)
                for definition in module.functions_binding(name)
                for binding in self.reaching(self._context_free(definition, context)).outer.get(name, ())
            ]
        return self._globals[key]

    def _starred(self, name: str, context: Context) -> Values:
        """A name that comes by `from module import *`; modules that import each other so end here."""
        if (context, name) in self._looking:
            return BOTTOM
        self._looking.add((context, name))
        try:
            return self._from_starred(name, context)
        finally:
            self._looking.discard((context, name))

    def _from_starred(self, name: str, context: Context) -> Values:
        results: list[Values] = []
        for binding in self.reaching(context).everywhere.get("*", ()):
            if isinstance(binding, Imported) and isinstance(binding.statement, ImportFrom):
                location = self.project.imported_from(binding.statement, context.module.path)
                if location is not None:
                    values = self.member(ModuleValue(location, binding.statement.module), name)
                    results.append(values if values != TOP else BOTTOM)
        return union(*results)

    def all_bound(self, bindings: Iterable[Binding], context: Context) -> Values:
        """The values of several bindings."""
        return union(*(self.bound(binding, context) for binding in bindings))

    def bound(self, binding: Binding, context: Context) -> Values:
        """The values that a binding gives."""
        known = self._bound.get(context)
        if known is None:
            known = self._bound[context] = {}
        if binding not in known:
            known[binding] = BOTTOM
            known[binding] = self._widen(self._value_of(binding, context))
        return known[binding]

    def _value_of(self, binding: Binding, context: Context) -> Values:
        match binding:
            case Bound():
                return self.annotations.parameter(binding.parameter, context)
            case Assigned():
                return self._assigned(binding, context)
            case Iterated():
                return unpacked(self.items(self.awaited(self.evaluate(binding.iterable, context))), binding.path)
            case Opened():
                origin = FromWith(Site(context, binding.context_expr), binding.statement)
                return unpacked(self.entered(self.evaluate(binding.context_expr, context), origin), binding.path)
            case Defined():
                return self._defined(binding.definition, context) if self._is_possible(binding.at, context) else BOTTOM
            case Imported():
                return self._imported(binding, context.module)
            case Caught():
                return self._caught(binding, context)
            case _:
                return TOP

    def _is_possible(self, at: int, context: Context) -> bool:
        """No test on the way to a statement of the context's function goes another way."""
        if not isinstance(context.scope, FunctionDef):
            return True
        return possible(self, self.calls.conditions(context.scope).get(at, ()), context)

    def _assigned(self, binding: Assigned, context: Context) -> Values:
        values = BOTTOM
        if binding.value is not None:
            values = unpacked(self.evaluate(binding.value, context), binding.path)
        if binding.annotation is None or (values and UNKNOWN not in values):
            return values
        typed = self.annotations.instances(self.evaluate(binding.annotation, context), self._kept(binding, context))
        return union(tuple(v for v in values if v != UNKNOWN), typed)

    def _kept(self, binding: Assigned, context: Context) -> Origin:
        """The origin of what is read from `request.state`."""
        if not isinstance(binding.value, Attribute):
            return None
        owners = self.evaluate(binding.value.value, context)
        is_state = any(isinstance(owner, ExternalInstance) and owner.type == REQUEST_STATE for owner in owners)
        return FromRequestState(Site(context, binding.value)) if is_state else None

    def _caught(self, binding: Caught, context: Context) -> Values:
        if binding.handler.catches is None:
            return TOP
        types = self.evaluate(binding.handler.catches, context)
        listed = [v for value in types for v in (self.items((value,)) if isinstance(value, Data) else (value,))]
        return self.annotations.instances(tuple(listed), None)

    def _defined(self, found: FunctionDef | ClassDef | DeferredDefinition, context: Context) -> Values:
        definition = context.module.definition(found)
        if definition is None:
            return TOP
        if isinstance(definition, ClassDef):
            return (Class(definition, context.module, context),)
        values: Values = (Function(definition, context.module, context),)
        for decorator in reversed(definition.decorators):
            values = self.calls.decorated(decorator, values, context)
        return values

    # --- imports ------------------------------------------------------------------------------------------------------

    def _imported(self, binding: Imported, module: Module) -> Values:
        statement, imported = binding.statement, binding.name
        if isinstance(statement, Import):
            dotted = imported.name if imported.alias is not None else imported.name.partition(".")[0]
            location = self.project.absolute(dotted, module.path)
            return (External(dotted),) if location is None else (ModuleValue(location, dotted),)
        location = self.project.imported_from(statement, module.path)
        if location is not None:
            return self.member(ModuleValue(location, statement.module), imported.name)
        if statement.level:
            return TOP
        return (External(self.table.canonical(f"{statement.module}.{imported.name}")),)

    def member(self, module: ModuleValue, name: str) -> Values:
        """A name of a module of the project: what its file binds, else a module below it."""
        if module.location.is_file:
            read = self.project.module(module.location.path)
            if read is None:
                return TOP
            values = self._exported(read, name)
            if values:
                return values
        below = self.project.submodule(module.location, name)
        if below is not None:
            return (ModuleValue(below, f"{module.dotted}.{name}"),)
        return TOP if module.location.is_file else (External(f"{module.dotted}.{name}"),)

    def _exported(self, module: Module, name: str) -> Values:
        context = self.module_context(module)
        if name in self.reaching(context).at_end or self._assigned_by_functions(module, name):
            return self.global_name(name, module)
        return self._starred(name, context)

    # --- attributes ---------------------------------------------------------------------------------------------------

    def attributes(self, values: Values, name: str) -> Values:
        """An attribute of any of these."""
        return union(*(self.attribute(value, name) for value in values))

    def attribute(self, value: Value, name: str) -> Values:
        """An attribute of a value."""
        match value:
            case ModuleValue():
                return self.member(value, name)
            case External():
                return (External(self.table.canonical(f"{value.name}.{name}")),)
            case Class():
                return self.classes.method(value, name, (value,)) or self._inherited_by_class(value, name)
            case Instance():
                return self.classes.attribute(value, name)
            case ExternalInstance():
                if name == "state" and value.type.endswith((".Request", ".WebSocket", ".HTTPConnection")):
                    return (ExternalInstance(REQUEST_STATE, value.origin),)
                if value.type == REQUEST_STATE:
                    return TOP
                kind = self.table.attribute(value.type, name)
                return (ExternalInstance(kind, value.origin),) if kind else (ExternalMethod(value, name),)
            case Data():
                return (External(f"builtins.{value.type}.{name}"),)
            case Super():
                return self.classes.super_attribute(value, name)
            case Generator(function=Function(definition=FunctionDef(is_async=True))):
                return (ExternalMethod(ExternalInstance("types.AsyncGeneratorType"), name),)
            case _:
                return TOP

    def _inherited_by_class(self, cls: Class, name: str) -> Values:
        for base in self.classes.external_bases(cls):
            if isinstance(base, External) and self.table.method(base.name, name) is not None:
                return (External(f"{self.table.canonical(base.name)}.{name}"),)
        return TOP

    # --- what values give ---------------------------------------------------------------------------------------------

    def awaited(self, values: Values) -> Values:
        """What awaiting gives; what is no awaitable is given back."""
        results: list[Values] = []
        for value in values:
            match value:
                case Coroutine():
                    results.append(self.calls.returns(value.function, value.context))
                case Awaitable():
                    results.append(value.result)
                case _:
                    results.append((value,))
        return union(*results)

    def entered(self, values: Values, origin: FromWith) -> Values:
        """What `with value as name` binds."""
        results: list[Values] = []
        for value in self.awaited(values):
            match value:
                case ExternalInstance():
                    results.append(self.calls.entered_external(value, origin))
                case Instance():
                    results.append(self._entered_instance(value, origin))
                case Generator(function=Function(manages=True)):
                    results.append(self.calls.yields(value.function, value.context))
                case Data(type="context", items=items):
                    results.append(tuple(owned(v, origin) for _, found in items for v in found))
                case _:
                    results.append(TOP)
        return union(*results)

    def _entered_instance(self, value: Instance, origin: FromWith) -> Values:
        for name in ("__aenter__", "__enter__"):
            methods = self.classes.method(value.cls, name, (value,))
            if methods:
                return self.awaited(self.calls.call(methods, (), None))
        for base in self.classes.external_bases(value.cls):
            if isinstance(base, External) and self.table.type(base.name) is not None:
                return (Instance(value.cls, value.arguments, origin),)
        return TOP

    def items(self, values: Values) -> Values:
        """What iterating gives."""
        results: list[Values] = []
        for value in values:
            match value:
                case Data(items=items) if items and value.type != "dict":
                    results.append(union(*(found for _, found in items)))
                case Data(type="dict", items=items) if items:
                    results.append(union(*(found for _, found in items)))
                case Generator():
                    results.append(self.calls.yields(value.function, value.context))
                case ExternalInstance():
                    results.append(self.calls.method_result(value, "__iter__"))
                case _:
                    results.append(TOP)
        return union(*results)


def constant(expression: Constant) -> Value:
    """The value of a literal."""
    match expression.kind:
        case "none":
            return NONE
        case "bool" | "int" | "float" if expression.value is not None and not isinstance(expression.value, str):
            return Literal(expression.value)
        case "str":
            return Data("str", str(expression.value))
        case kind:
            return Data(kind)


def unpacked(values: Values, path: Path) -> Values:
    """What a target at a way into the value is bound to."""
    for index in path:
        results: list[Values] = []
        for value in values:
            if isinstance(value, Data) and value.items and value.type != "dict":
                exact = [found for key, found in value.items if key == str(index)]
                results.append(exact[0] if exact else union(*(found for _, found in value.items)))
            else:
                results.append(TOP)
        values = union(*results)
    return values
