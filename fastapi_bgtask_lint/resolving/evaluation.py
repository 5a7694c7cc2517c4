"""What an expression can be: evaluation on demand, each expression once a context.

Three answers: values; TOP, or UNKNOWN among them, for "and perhaps others"; and BOTTOM, no value at all, for what can't
be reached. Nothing is ever run or imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

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
    Lambda,
    Mapping,
    Name,
    NamedExpr,
    Operation,
    Starred,
    Statement,
    Subscript,
)
from fastapi_bgtask_lint.resolving import limits
from fastapi_bgtask_lint.resolving.annotations import Annotations
from fastapi_bgtask_lint.resolving.bindings import (
    Assigned,
    Binding,
    Bound,
    Caught,
    Defined,
    Imported,
    Iterated,
    Opened,
)
from fastapi_bgtask_lint.resolving.calls import Calls
from fastapi_bgtask_lint.resolving.classes import Classes
from fastapi_bgtask_lint.resolving.constants import as_text, constant, folded, is_constant, item, unpacked
from fastapi_bgtask_lint.resolving.contexts import Arguments, Assumptions, Contexts
from fastapi_bgtask_lint.resolving.entities import Entities
from fastapi_bgtask_lint.resolving.feasibility import Feasibility
from fastapi_bgtask_lint.resolving.members import Members
from fastapi_bgtask_lint.resolving.names import Lookup, Names
from fastapi_bgtask_lint.resolving.ordering import as_shared, union
from fastapi_bgtask_lint.resolving.project import Module, Project
from fastapi_bgtask_lint.resolving.reaching import Reaching, reaching_definitions
from fastapi_bgtask_lint.resolving.relevance import Relevances
from fastapi_bgtask_lint.resolving.validators import Validators
from fastapi_bgtask_lint.resolving.values import (
    BOTTOM,
    TOP,
    UNKNOWN,
    Alias,
    Class,
    Context,
    Data,
    External,
    ExternalInstance,
    FromRequestState,
    FromWith,
    Function,
    Literal,
    Origin,
    Site,
    Value,
    Values,
)
from fastapi_bgtask_lint.solving.solver import FINAL

Scope: TypeAlias = "tuple[Module, FunctionDef | Lambda | ClassDef | None]"

COMPARISONS = frozenset({"not", "in", "not in", "is", "is not", "==", "!=", "<", ">", "<=", ">="})


class Evaluator:
    """Evaluates the expressions of one project."""

    def __init__(self, project: Project, table: Table, configured: tuple[str, ...] = ()) -> None:
        self.project = project
        self.solver = project.solver
        self.table = table
        self._configured = configured
        self.contexts = Contexts(table)
        self.names = Names(self)
        self.members = Members(self)
        self.classes = Classes(self)
        self.calls = Calls(self)
        self.validators = Validators(self)
        self.annotations = Annotations(self)
        self.entities = Entities(self)
        self.feasibility = Feasibility(self)
        self.relevances = Relevances(self)
        self._reaching = self.solver.query(_reaching_definitions, _NOTHING_REACHES)
        self._bound = self.solver.query(self._bind, BOTTOM, union)

    # --- contexts -----------------------------------------------------------------------------------------------------

    def module_context(self, module: Module) -> Context:
        """The scope of a module."""
        return self.contexts.make(module, None, None)

    def context(
        self,
        module: Module,
        scope: FunctionDef | Lambda | ClassDef | None,
        parent: Context | None,
        arguments: Arguments = (),
        assumptions: Assumptions = (),
    ) -> Context:
        """The one context of this scope with these arguments and assumptions."""
        return self.contexts.make(module, scope, parent, arguments, assumptions)

    def reaching(self, context: Context) -> Reaching:
        """The reaching definitions of a context's scope."""
        return self._reaching((context.module, context.scope))

    def is_reachable(self, statement: Statement, context: Context) -> bool:
        """A statement of the context's function can be reached: no jump leaves before it, no test rules it out."""
        return statement.at in self.reaching(context).reached and self.feasibility.is_possible(statement.at, context)

    def truth(self, test: Expression, context: Context) -> bool | None:
        """Whether a test is known to be true or false in a context."""
        return self.feasibility.truth(test, context)

    # --- what the configuration says ----------------------------------------------------------------------------------

    def configured(self, value: Value) -> str | None:
        """The name by which the configuration lists a function or class of the project."""
        if not self._configured or not isinstance(value, Function | Class) or isinstance(value.definition, Lambda):
            return None
        owner = value.parent.scope.name + "." if isinstance(value.parent.scope, ClassDef) else ""
        name = f"{self.project.dotted(value.module.path)}.{owner}{value.definition.name}"
        return next((known for known in self._configured if name == known or name.endswith(f".{known}")), None)

    # --- expressions --------------------------------------------------------------------------------------------------

    def evaluate(self, expression: Expression, context: Context) -> Values:
        """The values of an expression. They are kept when nothing that they were computed from is unfinished."""
        found = context.values.get(expression.at)
        solver = self.solver
        if found is not None:
            solver.reads |= context.reads
            return found
        outer, solver.lowest = solver.lowest, FINAL
        values = self.contexts.widen(self._evaluate(expression, context))
        if solver.lowest == FINAL:
            context.values[expression.at] = values
            context.reads |= solver.reads
        solver.lowest = min(solver.lowest, outer)
        return values

    def _evaluate(self, expression: Expression, context: Context) -> Values:
        match expression:
            case Name():
                return self.names.values(expression, context)
            case Attribute():
                return self.members.attributes(self.evaluate(expression.value, context), expression.attr)
            case Call():
                return self.calls.result(expression, context)
            case Await():
                return self.members.awaited(self.evaluate(expression.value, context))
            case Constant():
                return (constant(expression),)
            case FString():
                return (self._text(expression, context),)
            case Lambda():
                return (Function(expression, context.module, context),)
            case NamedExpr():
                return self.evaluate(expression.value, context)
            case Collection() | Mapping() | Comprehension():
                return (self._display(expression, context),)
            case BoolOp():
                return self._bool_op(expression, context)
            case Conditional():
                return self._conditional(expression, context)
            case Operation():
                return self._operation(expression, context)
            case Subscript():
                return self._subscript(expression, context)
            case _:
                return TOP

    def _text(self, expression: FString, context: Context) -> Data:
        """An f-string; its text is known where all its values are constants."""
        if not expression.parts or not all(map(is_constant, expression.values)):
            return Data("str", exact=True)
        values = iter([self.evaluate(value, context) for value in expression.values])
        texts = [part if part is not None else as_text(next(values)) for part in expression.parts]
        return Data("str", "".join(map(str, texts)) if None not in texts else None, exact=True)

    def _display(self, expression: Collection | Mapping | Comprehension, context: Context) -> Data:
        """A list, set, tuple or dict as it is written."""
        if isinstance(expression, Comprehension):
            element = expression.element
            if expression.kind == "dict" and isinstance(element, Collection):
                element = element.items[1]
            return Data(expression.kind, items=(("*", self.evaluate(element, context)),), exact=True)
        kind = "dict" if isinstance(expression, Mapping) else expression.kind
        if len(expression.items) > limits.MOST_ITEMS:
            return Data(kind, items=(("*", TOP),), exact=True)
        if isinstance(expression, Mapping):
            entries = [entry for key, value in expression.items for entry in self._entries(key, value, context)]
            return Data(kind, items=tuple(entries), exact=True, complete=all(key != "*" for key, _ in entries))
        elements = tuple(self._elements(expression, context))
        return Data(kind, items=elements, exact=True, complete=all(key != "*" for key, _ in elements))

    def _elements(self, expression: Collection, context: Context) -> list[tuple[str, Values]]:
        items: list[tuple[str, Values]] = []
        starred = False
        for index, element in enumerate(expression.items):
            if isinstance(element, Starred):
                starred = True
                items.append(("*", self.members.items(self.evaluate(element.value, context))))
            else:
                items.append(("*" if starred else str(index), self.evaluate(element, context)))
        return items

    def _entries(self, key: Expression | None, value: Expression, context: Context) -> Iterable[tuple[str, Values]]:
        """One item of a dict, or those of a dict that `**` unpacks."""
        values = self.evaluate(value, context)
        if key is None:
            unpacked_dict = values[0] if len(values) == 1 else None
            if isinstance(unpacked_dict, Data) and unpacked_dict.type == "dict" and unpacked_dict.items:
                return unpacked_dict.items
            return [("*", union(*(found for v in values if isinstance(v, Data) for _, found in v.items), TOP))]
        found = self.evaluate(key, context) if isinstance(key, Name | Attribute | Constant) else TOP
        text = found[0].text if len(found) == 1 and isinstance(found[0], Data) else None
        return [("*" if text is None else text, values)]

    def _bool_op(self, expression: BoolOp, context: Context) -> Values:
        """`a or b` and `a and b`, the operands left out that are known not to be the result."""
        results: list[Values] = []
        for operand in expression.values[:-1]:
            results.append(self.feasibility.where(self.evaluate(operand, context), expression.operator == "or"))
            if self.truth(operand, context) is (expression.operator == "or"):
                return union(*results)
        return union(*results, self.evaluate(expression.values[-1], context))

    def _conditional(self, expression: Conditional, context: Context) -> Values:
        verdict = self.truth(expression.test, context)
        body = self.evaluate(expression.body, context) if verdict is not False else BOTTOM
        orelse = self.evaluate(expression.orelse, context) if verdict is not True else BOTTOM
        return union(body, orelse)

    def _operation(self, expression: Operation, context: Context) -> Values:
        operator = expression.operator
        if operator in COMPARISONS:
            verdict = self.truth(expression, context)
            return (Data("bool") if verdict is None else Literal(verdict),)
        operands = [self.evaluate(operand, context) for operand in expression.operands]
        if not all(operands):
            return BOTTOM
        if operator == "|":
            return union(*operands)
        if operator == "/":
            paths = [v for v in operands[0] if isinstance(v, ExternalInstance) and v.type.startswith("pathlib.")]
            if paths:
                return tuple(paths)
        return folded(expression, operands)

    def _subscript(self, expression: Subscript, context: Context) -> Values:
        results: list[Values] = []
        for value in self.evaluate(expression.value, context):
            match value:
                case Class() if self.classes.is_enum(value):
                    results.append(TOP)
                case Class():
                    results.append((Alias("", value, expression, context),))
                case External():
                    results.append((Alias(self.table.canonical(value.name), None, expression, context),))
                case Data():
                    results.append(self._item(value, expression, context))
                case ExternalInstance():
                    results.append(self.calls.method_result(value, "__getitem__"))
                case _:
                    results.append(TOP)
        return union(*results)

    def _item(self, value: Data, expression: Subscript, context: Context) -> Values:
        every = union(*(values for _, values in value.items)) or TOP
        if len(expression.indices) != 1 or not value.items:
            return every
        keys = self.evaluate(expression.indices[0], context)
        return as_shared(union(*(item(value, key, every) for key in keys)))

    # --- bindings -----------------------------------------------------------------------------------------------------

    def bound(self, binding: Binding, context: Context) -> Values:
        """The values that a binding gives."""
        return self._bound((binding, context))

    def _bind(self, key: tuple[Binding, Context]) -> Values:
        binding, context = key
        return self.contexts.widen(self._value_of(binding, context))

    def _value_of(self, binding: Binding, context: Context) -> Values:
        match binding:
            case Bound():
                return self.annotations.parameter(binding.parameter, context)
            case Assigned():
                return self._assigned(binding, context)
            case Iterated():
                awaited = self.members.awaited(self.evaluate(binding.iterable, context))
                return unpacked(self.members.items(awaited), binding.path)
            case Opened():
                origin = FromWith(Site(context, binding.context_expr), binding.statement)
                entered = self.members.entered(self.evaluate(binding.context_expr, context), origin)
                return unpacked(entered, binding.path)
            case Defined():
                is_possible = self.feasibility.is_possible(binding.at, context)
                return self._defined(binding.definition, context) if is_possible else BOTTOM
            case Imported():
                return self.names.imported(binding, context.module)
            case Caught():
                return self._caught(binding, context)
            case _:
                return TOP

    def _assigned(self, binding: Assigned, context: Context) -> Values:
        values = BOTTOM
        if binding.value is not None:
            if not self.feasibility.is_possible(binding.value.at, context):
                return BOTTOM
            values = unpacked(self.evaluate(binding.value, context), binding.path)
        is_field = isinstance(context.scope, ClassDef)
        if binding.annotation is None or (values and UNKNOWN not in values and not is_field):
            return values
        types = self.evaluate(binding.annotation, context)
        typed = self.annotations.instances(types, self._state_origin(binding, context))
        return union(tuple(v for v in values if v != UNKNOWN), typed)

    def _state_origin(self, binding: Assigned, context: Context) -> Origin:
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
        listed = [v for value in types for v in (self.members.items((value,)) if isinstance(value, Data) else (value,))]
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

    # --- doors to the parts -------------------------------------------------------------------------------------------

    def attributes(self, values: Values, name: str) -> Values:
        """An attribute of any of these."""
        return self.members.attributes(values, name)

    def attribute(self, value: Value, name: str) -> Values:
        """An attribute of a value."""
        return self.members.attribute(value, name)

    def awaited(self, values: Values) -> Values:
        """What awaiting gives; what is no awaitable is given back."""
        return self.members.awaited(values)

    def items(self, values: Values) -> Values:
        """What iterating gives."""
        return self.members.items(values)

    def lookup(self, name: Name, context: Context) -> Lookup | None:
        """The bindings that a name can have where it is read: see `Names.lookup`."""
        return self.names.lookup(name, context)


REQUEST_STATE = "starlette.datastructures.State"
_NOTHING_REACHES = reaching_definitions(None, ())


def _reaching_definitions(scope: Scope) -> Reaching:
    module, definition = scope
    if definition is None:
        return reaching_definitions(None, module.skeleton)
    return reaching_definitions(definition, () if isinstance(definition, Lambda) else definition.body)
