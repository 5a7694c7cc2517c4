"""What an expression can be: evaluation on demand, each expression once a frame.

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
    Call,
    Choice,
    ClassDef,
    Collection,
    Comprehension,
    Conditional,
    Constant,
    Expression,
    Formatted,
    FunctionDef,
    Import,
    ImportFrom,
    Lambda,
    Mapping,
    Name,
    Named,
    Operation,
    Starred,
    Statement,
    Subscript,
    Unread,
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
from fastapi_bgtask_lint.resolving.conditions import possible
from fastapi_bgtask_lint.resolving.entities import Entities
from fastapi_bgtask_lint.resolving.project import Module, Project
from fastapi_bgtask_lint.resolving.reaching import Reaching, reaching_definitions
from fastapi_bgtask_lint.resolving.values import (
    ANYTHING,
    NONE,
    NOTHING,
    UNKNOWN,
    Alias,
    Awaitable,
    Class,
    Coroutine,
    Data,
    Entered,
    External,
    ExternalInstance,
    ExternalMethod,
    Frame,
    Function,
    Generator,
    Instance,
    Kept,
    Literal,
    ModuleValue,
    Origin,
    Site,
    Super,
    Value,
    Values,
    union,
)

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

    def __init__(self, project: Project, table: Table, taught: tuple[str, ...] = ()) -> None:
        self.project = project
        self.table = table
        self._taught = taught
        self.classes = Classes(self)
        self.calls = Calls(self)
        self.annotations = Annotations(self)
        self.entities = Entities(self)
        self._nested = 0
        self._looking: set[tuple[Frame, str]] = set()
        self._frames: dict[tuple[object, ...], Frame] = {}
        self._contexts: dict[tuple[Module, int], set[tuple[tuple[str, Values], ...]]] = {}
        self._reaching: dict[tuple[Module, int], Reaching] = {}
        self._values: dict[Frame, dict[int, Values]] = {}
        self._bound: dict[Frame, dict[Binding, Values]] = {}
        self._globals: dict[tuple[Module, str], list[tuple[FunctionDef, Binding]]] = {}

    # --- frames -------------------------------------------------------------------------------------------------------

    def module_frame(self, module: Module) -> Frame:
        """The scope of a module."""
        return self.frame(module, None, None)

    def frame(
        self,
        module: Module,
        scope: FunctionDef | Lambda | ClassDef | None,
        parent: Frame | None,
        arguments: tuple[tuple[str, Values], ...] = (),
        depth: int = 0,
    ) -> Frame:
        """The one frame of this scope with these arguments."""
        if depth > _DEPTH:
            arguments, depth = _flags(arguments), 0
        key = (module, scope, parent, arguments)
        if key not in self._frames:
            self._frames[key] = Frame(module, scope, parent, arguments, depth)
        return self._frames[key]

    def context(self, function: Function, arguments: tuple[tuple[str, Values], ...], depth: int) -> Frame:
        """The frame of a function's body for a call; one without arguments when it is called in very many ways."""
        definition = function.definition
        seen = self._contexts.setdefault((function.module, definition.at), set())
        if arguments not in seen and len(seen) >= _CONTEXTS:
            arguments = _flags(arguments)
        seen.add(arguments)
        return self.frame(function.module, definition, function.parent, arguments, depth)

    def reaching(self, frame: Frame) -> Reaching:
        """The reaching definitions of a frame's scope."""
        key = (frame.module, -1 if frame.scope is None else frame.scope.at)
        if key not in self._reaching:
            body: tuple[Statement, ...] = ()
            if frame.scope is None:
                body = frame.module.sketch
            elif not isinstance(frame.scope, Lambda):
                body = frame.scope.body
            self._reaching[key] = reaching_definitions(frame.scope, body)
        return self._reaching[key]

    # --- what the configuration teaches -------------------------------------------------------------------------------

    def taught(self, value: Value) -> str | None:
        """The name under which the configuration speaks of a function or class of the project."""
        if not self._taught or not isinstance(value, Function | Class) or isinstance(value.definition, Lambda):
            return None
        owner = value.parent.scope.name + "." if isinstance(value.parent.scope, ClassDef) else ""
        name = f"{self.project.dotted(value.module.path)}.{owner}{value.definition.name}"
        return next((known for known in self._taught if name == known or name.endswith(f".{known}")), None)

    # --- expressions --------------------------------------------------------------------------------------------------

    def evaluate(self, expression: Expression, frame: Frame) -> Values:
        """The values of an expression."""
        known = self._values.get(frame)
        if known is None:
            known = self._values[frame] = {}
        found = known.get(expression.at)
        if found is not None:
            return found
        if self._nested >= _NESTED:
            return ANYTHING
        known[expression.at] = NOTHING
        self._nested += 1
        try:
            found = known[expression.at] = self._narrow(self._evaluate(expression, frame))
        finally:
            self._nested -= 1
        return found

    @staticmethod
    def _narrow(values: Values) -> Values:
        return values if len(values) <= _BREADTH else (*values[:_BREADTH], UNKNOWN)

    def _evaluate(self, expression: Expression, frame: Frame) -> Values:
        match expression:
            case Name():
                return self.name(expression, frame)
            case Attribute():
                return self.attributes(self.evaluate(expression.value, frame), expression.attr)
            case Call():
                return self.calls.result(expression, frame)
            case Await():
                return self.awaited(self.evaluate(expression.value, frame))
            case Constant():
                return (constant(expression),)
            case Formatted():
                return (Data("str"),)
            case Collection():
                return (self._collection(expression, frame),)
            case Mapping():
                return (self._mapping(expression, frame),)
            case Choice():
                return self._choice(expression, frame)
            case Conditional():
                return union(self.evaluate(expression.body, frame), self.evaluate(expression.orelse, frame))
            case Operation():
                return self._operation(expression, frame)
            case Subscript():
                return self._subscript(expression, frame)
            case Named():
                return self.evaluate(expression.value, frame)
            case Comprehension():
                kind = expression.kind
                return (Data(kind, items=(("*", self.evaluate(expression.element, frame)),)),)
            case Lambda():
                return (Function(expression, frame.module, frame),)
            case _:
                return ANYTHING

    def _collection(self, expression: Collection, frame: Frame) -> Data:
        if len(expression.items) > _ITEMS:
            return Data(expression.kind, items=(("*", ANYTHING),))
        items: list[tuple[str, Values]] = []
        starred = False
        for index, item in enumerate(expression.items):
            if isinstance(item, Starred):
                starred = True
                items.append(("*", self.items(self.evaluate(item.value, frame))))
            else:
                items.append(("*" if starred else str(index), self.evaluate(item, frame)))
        return Data(expression.kind, items=tuple(items))

    def _mapping(self, expression: Mapping, frame: Frame) -> Data:
        if len(expression.items) > _ITEMS:
            return Data("dict", items=(("*", ANYTHING),))
        items = []
        for key, value in expression.items:
            name = key.value if isinstance(key, Constant) and isinstance(key.value, str) else "*"
            values = self.evaluate(value, frame)
            items.append((name, self.items(values) if key is None else values))
        return Data("dict", items=tuple(items))

    def _choice(self, expression: Choice, frame: Frame) -> Values:
        *earlier, last = (self.evaluate(value, frame) for value in expression.values)
        if expression.operator == "and":
            return union(*earlier, last)
        truthy = [tuple(v for v in values if not (isinstance(v, Literal) and not v.value)) for values in earlier]
        return union(*truthy, last)

    def _operation(self, expression: Operation, frame: Frame) -> Values:
        operator = expression.operator
        if operator in ("not", "in", "not in", "is", "is not", "==", "!=", "<", ">", "<=", ">="):
            return (Data("bool"),)
        operands = [self.evaluate(operand, frame) for operand in expression.operands]
        if operator == "|":
            return union(*operands)
        if operator == "/":
            paths = [v for v in operands[0] if isinstance(v, ExternalInstance) and v.type.startswith("pathlib.")]
            if paths:
                return tuple(paths)
        if operator in ("+", "%", "*", "/", "-", "//", "**"):
            data = [v for values in operands[:1] for v in values if isinstance(v, Data | Literal)]
            return (Data(data[0].type),) if data and isinstance(data[0], Data) else (Data("number"), UNKNOWN)
        return ANYTHING

    def _subscript(self, expression: Subscript, frame: Frame) -> Values:
        results: list[Values] = []
        for value in self.evaluate(expression.value, frame):
            match value:
                case Class():
                    results.append((Alias("", value, expression, frame),))
                case External():
                    results.append((Alias(self.table.canonical(value.name), None, expression, frame),))
                case Data():
                    results.append(self._item(value, expression))
                case ExternalInstance():
                    results.append(self.calls.method_result(value, "__getitem__"))
                case _:
                    results.append(ANYTHING)
        return union(*results)

    def _item(self, value: Data, expression: Subscript) -> Values:
        index = expression.indices[0] if len(expression.indices) == 1 else None
        if isinstance(index, Constant) and value.items:
            exact = [values for key, values in value.items if key == str(index.value)]
            if exact:
                return exact[-1]
        return union(*(values for _, values in value.items)) or ANYTHING

    # --- names --------------------------------------------------------------------------------------------------------

    def name(self, name: Name, frame: Frame) -> Values:
        """What a name means where it is read."""
        reaching = self.reaching(frame)
        bindings = reaching.at_use.get(name.at) or self._in_head(name, frame)
        if bindings:
            return self.all_bound(bindings, frame)
        if name.id in reaching.everywhere and frame.scope is not None and not isinstance(frame.scope, ClassDef):
            return NOTHING
        return self.free(name.id, frame)

    def _in_head(self, name: Name, frame: Frame) -> tuple[Binding, ...]:
        """The definitions in the bodies of modules and classes are read after those bodies were looked at."""
        if isinstance(frame.scope, FunctionDef | Lambda):
            return ()
        return self.reaching(frame).in_head(name)

    def free(self, name: str, frame: Frame) -> Values:
        """What a name means that the scope itself does not bind: in the scopes round it, the module, the built-ins."""
        child = frame.scope
        outer = frame.parent
        while outer is not None and outer.scope is not None:
            if not isinstance(outer.scope, ClassDef) and child is not None:
                bindings = self.reaching(outer).closure(name, child.at)
                if bindings:
                    return self.all_bound(bindings, outer)
            child, outer = outer.scope, outer.parent
        return self.global_name(name, frame.module)

    def global_name(self, name: str, module: Module) -> Values:
        """What a name means at the end of a module, or as a built-in."""
        frame = self.module_frame(module)
        bindings = self.reaching(frame).at_end.get(name, ())
        values = self.all_bound(bindings, frame)
        elsewhere = self._assigned_by_functions(module, name)
        if elsewhere:
            values = union(values, *(self.bound(binding, self._method_less(f, frame)) for f, binding in elsewhere))
        if values:
            return values
        if hasattr(builtins, name) and not bindings:
            return (External(f"builtins.{name}"),)
        starred = self._starred(name, frame)
        return starred or ANYTHING

    def _method_less(self, function: FunctionDef, frame: Frame) -> Frame:
        return self.frame(frame.module, function, frame)

    def _assigned_by_functions(self, module: Module, name: str) -> list[tuple[FunctionDef, Binding]]:
        key = (module, name)
        if key not in self._globals:
            frame = self.module_frame(module)
            self._globals[key] = [
                (definition, binding)
                for definition in module.functions_binding(name)
                for binding in self.reaching(self._method_less(definition, frame)).outer.get(name, ())
            ]
        return self._globals[key]

    def _starred(self, name: str, frame: Frame) -> Values:
        """A name that comes by `from module import *`; modules that import each other so end here."""
        if (frame, name) in self._looking:
            return NOTHING
        self._looking.add((frame, name))
        try:
            return self._from_starred(name, frame)
        finally:
            self._looking.discard((frame, name))

    def _from_starred(self, name: str, frame: Frame) -> Values:
        results: list[Values] = []
        for binding in self.reaching(frame).everywhere.get("*", ()):
            if isinstance(binding, Imported) and isinstance(binding.statement, ImportFrom):
                location = self.project.imported_from(binding.statement, frame.module.path)
                if location is not None:
                    values = self.member(ModuleValue(location, binding.statement.module), name)
                    results.append(values if values != ANYTHING else NOTHING)
        return union(*results)

    def all_bound(self, bindings: Iterable[Binding], frame: Frame) -> Values:
        """The values of several bindings."""
        return union(*(self.bound(binding, frame) for binding in bindings))

    def bound(self, binding: Binding, frame: Frame) -> Values:
        """The values that a binding gives."""
        known = self._bound.get(frame)
        if known is None:
            known = self._bound[frame] = {}
        if binding not in known:
            known[binding] = NOTHING
            known[binding] = self._narrow(self._value_of(binding, frame))
        return known[binding]

    def _value_of(self, binding: Binding, frame: Frame) -> Values:
        match binding:
            case Bound():
                return self.annotations.parameter(binding.parameter, frame)
            case Assigned():
                return self._assigned(binding, frame)
            case Iterated():
                return unpacked(self.items(self.awaited(self.evaluate(binding.iterable, frame))), binding.path)
            case Opened():
                origin = Entered(Site(frame, binding.context), binding.statement)
                return unpacked(self.entered(self.evaluate(binding.context, frame), origin), binding.path)
            case Defined():
                return self._defined(binding.definition, frame) if self._is_possible(binding.at, frame) else NOTHING
            case Imported():
                return self._imported(binding, frame.module)
            case Caught():
                return self._caught(binding, frame)
            case _:
                return ANYTHING

    def _is_possible(self, at: int, frame: Frame) -> bool:
        """No test on the way to a statement of the frame's function goes another way."""
        if not isinstance(frame.scope, FunctionDef):
            return True
        return possible(self, self.calls.conditions(frame.scope).get(at, ()), frame)

    def _assigned(self, binding: Assigned, frame: Frame) -> Values:
        values = NOTHING
        if binding.value is not None:
            values = unpacked(self.evaluate(binding.value, frame), binding.path)
        if binding.annotation is None or (values and UNKNOWN not in values):
            return values
        typed = self.annotations.instances(self.evaluate(binding.annotation, frame), self._kept(binding, frame))
        return union(tuple(v for v in values if v != UNKNOWN), typed)

    def _kept(self, binding: Assigned, frame: Frame) -> Origin:
        """The origin of what is read from `request.state`."""
        if not isinstance(binding.value, Attribute):
            return None
        owners = self.evaluate(binding.value.value, frame)
        is_state = any(isinstance(owner, ExternalInstance) and owner.type == REQUEST_STATE for owner in owners)
        return Kept(Site(frame, binding.value)) if is_state else None

    def _caught(self, binding: Caught, frame: Frame) -> Values:
        if binding.handler.catches is None:
            return ANYTHING
        types = self.evaluate(binding.handler.catches, frame)
        listed = [v for value in types for v in (self.items((value,)) if isinstance(value, Data) else (value,))]
        return self.annotations.instances(tuple(listed), None)

    def _defined(self, found: FunctionDef | ClassDef | Unread, frame: Frame) -> Values:
        definition = frame.module.definition(found)
        if definition is None:
            return ANYTHING
        if isinstance(definition, ClassDef):
            return (Class(definition, frame.module, frame),)
        values: Values = (Function(definition, frame.module, frame),)
        for decorator in reversed(definition.decorators):
            values = self.calls.decorated(decorator, values, frame)
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
            return ANYTHING
        return (External(self.table.canonical(f"{statement.module}.{imported.name}")),)

    def member(self, module: ModuleValue, name: str) -> Values:
        """A name of a module of the project: what its file binds, else a module below it."""
        if module.location.is_file:
            read = self.project.module(module.location.path)
            if read is None:
                return ANYTHING
            values = self._exported(read, name)
            if values:
                return values
        below = self.project.submodule(module.location, name)
        if below is not None:
            return (ModuleValue(below, f"{module.dotted}.{name}"),)
        return ANYTHING if module.location.is_file else (External(f"{module.dotted}.{name}"),)

    def _exported(self, module: Module, name: str) -> Values:
        frame = self.module_frame(module)
        if name in self.reaching(frame).at_end or self._assigned_by_functions(module, name):
            return self.global_name(name, module)
        return self._starred(name, frame)

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
                    return ANYTHING
                kind = self.table.attribute(value.type, name)
                return (ExternalInstance(kind, value.origin),) if kind else (ExternalMethod(value, name),)
            case Data():
                return (External(f"builtins.{value.type}.{name}"),)
            case Super():
                return self.classes.super_attribute(value, name)
            case Generator(function=Function(definition=FunctionDef(is_async=True))):
                return (ExternalMethod(ExternalInstance("types.AsyncGeneratorType"), name),)
            case _:
                return ANYTHING

    def _inherited_by_class(self, cls: Class, name: str) -> Values:
        for base in self.classes.external_bases(cls):
            if isinstance(base, External) and self.table.method(base.name, name) is not None:
                return (External(f"{self.table.canonical(base.name)}.{name}"),)
        return ANYTHING

    # --- what values give ---------------------------------------------------------------------------------------------

    def awaited(self, values: Values) -> Values:
        """What awaiting gives; what is no awaitable is given back."""
        results: list[Values] = []
        for value in values:
            match value:
                case Coroutine():
                    results.append(self.calls.returns(value.function, value.frame))
                case Awaitable():
                    results.append(value.result)
                case _:
                    results.append((value,))
        return union(*results)

    def entered(self, values: Values, origin: Entered) -> Values:
        """What `with value as name` binds."""
        results: list[Values] = []
        for value in self.awaited(values):
            match value:
                case ExternalInstance():
                    results.append(self.calls.entered_external(value, origin))
                case Instance():
                    results.append(self._entered_instance(value, origin))
                case Generator(function=Function(manages=True)):
                    results.append(self.calls.yields(value.function, value.frame))
                case Data(type="context", items=items):
                    results.append(tuple(owned(v, origin) for _, found in items for v in found))
                case _:
                    results.append(ANYTHING)
        return union(*results)

    def _entered_instance(self, value: Instance, origin: Entered) -> Values:
        for name in ("__aenter__", "__enter__"):
            methods = self.classes.method(value.cls, name, (value,))
            if methods:
                return self.awaited(self.calls.call(methods, (), None))
        for base in self.classes.external_bases(value.cls):
            if isinstance(base, External) and self.table.type(base.name) is not None:
                return (Instance(value.cls, value.arguments, origin),)
        return ANYTHING

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
                    results.append(self.calls.yields(value.function, value.frame))
                case ExternalInstance():
                    results.append(self.calls.method_result(value, "__iter__"))
                case _:
                    results.append(ANYTHING)
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
                results.append(ANYTHING)
        values = union(*results)
    return values
