"""Classes of the project: their bases, their members and what their objects hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Attribute,
    Call,
    ClassDef,
    Constant,
    DeferredDefinition,
    Expression,
    ExprStmt,
    FunctionDef,
    Name,
    Pass,
    Raise,
    Statement,
)
from fastapi_bgtask_lint.reading.text_scan import assigned_attributes
from fastapi_bgtask_lint.reading.traversal import blocks, last_name, statements
from fastapi_bgtask_lint.resolving.bindings import Assigned, Binding, Defined
from fastapi_bgtask_lint.resolving.bindings import Path as UnpackPath
from fastapi_bgtask_lint.resolving.comparison import equals, is_exact
from fastapi_bgtask_lint.resolving.ordering import union
from fastapi_bgtask_lint.resolving.scopes import body_of, scopes_saying
from fastapi_bgtask_lint.resolving.values import (
    BOTTOM,
    TOP,
    UNKNOWN,
    UNPACKED,
    Alias,
    CallArgument,
    Class,
    Context,
    Data,
    EnumMember,
    External,
    ExternalInstance,
    FromCall,
    Function,
    Instance,
    ModuleValue,
    Super,
    Unknown,
    Value,
    Values,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator
    from fastapi_bgtask_lint.resolving.project import Module

_STATIC = "builtins.staticmethod"
_OF_CLASS = "builtins.classmethod"
_ENUMS = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"})
_NO_NAMES: frozenset[str] = frozenset()
_PROPERTIES = ("builtins.property", "functools.cached_property", "abc.abstractproperty")


@dataclass(frozen=True, slots=True)
class _Assignment:
    """`self.attribute = value` in a method."""

    method: FunctionDef
    binding: Assigned


_NO_LINE: tuple[Class | External | Unknown, ...] = ()
_NO_ASSIGNMENTS: tuple[_Assignment, ...] = ()


class Classes:
    """What is known of the project's classes."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._line = evaluator.solver.query(self._linearised, _NO_LINE)
        self._assigned = evaluator.solver.query(_assignments, _NO_ASSIGNMENTS)
        self._owners = evaluator.solver.query(self._owners_of_assigned, BOTTOM, union)
        self._assigned_outside = evaluator.solver.query(_attributes_assigned_outside_init, _NO_NAMES)

    def context(self, cls: Class) -> Context:
        """The scope of the class body."""
        return self._evaluator.context(cls.module, cls.definition, cls.parent)

    def line(self, cls: Class) -> tuple[Class | External | Unknown, ...]:
        """The class and its bases in the order in which members are looked for."""
        return self._line(cls)

    def _linearised(self, cls: Class) -> tuple[Class | External | Unknown, ...]:
        found: list[Class | External | Unknown] = []
        for base in cls.definition.bases:
            for value in self._evaluator.evaluate(base, cls.parent):
                found += self._base(value)
        line = [cls, *found]
        return tuple(
            base for index, base in enumerate(line) if base not in line[index + 1 :] or isinstance(base, Unknown)
        )

    def _base(self, value: Value) -> list[Class | External | Unknown]:
        match value:
            case Class():
                return list(self.line(value))
            case Alias(cls=Class() as cls):
                return list(self.line(cls))
            case Alias():
                return [External(value.base)]
            case External():
                return [value]
            case _:
                return [UNKNOWN]

    def external_bases(self, cls: Class) -> Iterator[External | Unknown]:
        """The bases outside the project, and the unknown ones."""
        for base in self.line(cls):
            if not isinstance(base, Class):
                yield base

    def is_subclass(self, cls: Class, name: str) -> bool | None:
        """Whether a class derives from a library's class; None when a base is unknown."""
        answer: bool | None = False
        for base in self.external_bases(cls):
            verdict = None if isinstance(base, Unknown) else self._evaluator.table.is_subtype(base.name, name)
            if verdict is True:
                return True
            if verdict is None:
                answer = None
        return answer

    # --- members ------------------------------------------------------------------------------------------------------

    def members(self, cls: Class, name: str) -> tuple[Class, tuple[Binding, ...]] | None:
        """The nearest class that binds a name in its body, and its bindings; None when an unknown base might, or none
        does.
        """
        for base in self.line(cls):
            if isinstance(base, Class):
                bindings = self._evaluator.reaching(self.context(base)).at_end.get(name)
                if bindings:
                    return base, bindings
        return None

    def method(self, cls: Class, name: str, receiver: Values) -> Values:
        """A member of the class, bound to the receiver when it is a method."""
        found = self.members(cls, name)
        if found is None:
            return BOTTOM
        holder, bindings = found
        context = self.context(holder)
        values = [self._member(binding, holder, context, receiver) for binding in bindings]
        return union(*values)

    def _member(self, binding: Binding, holder: Class, context: Context, receiver: Values) -> Values:
        values = self._evaluator.bound(binding, context)
        definition = holder.module.definition(binding.definition) if isinstance(binding, Defined) else None
        if not isinstance(definition, FunctionDef):
            return values
        kinds = self.decorators(definition, context)
        if kinds & set(_PROPERTIES):
            return self._property(values, receiver)
        return union(*(self._received(value, kinds, holder, receiver) for value in values))

    def _received(self, value: Value, kinds: frozenset[str], holder: Class, receiver: Values) -> Values:
        if not isinstance(value, Function) or _STATIC in kinds:
            return (value,)
        if _OF_CLASS in kinds:
            owners = tuple(v.cls if isinstance(v, Instance) else v for v in receiver) or (holder,)
            return (replace(value, receiver=owners, holder=holder),)
        if not receiver or not isinstance(receiver[0], Instance):
            return (replace(value, holder=holder),)
        return (replace(value, receiver=receiver, holder=holder),)

    def _property(self, values: Values, receiver: Values) -> Values:
        if not receiver or not isinstance(receiver[0], Instance):
            return TOP
        results = []
        for value in values:
            if isinstance(value, Function):
                results.append(self._evaluator.calls.call((replace(value, receiver=receiver),), (), None))
            else:
                results.append(TOP)
        return union(*results)

    def decorators(self, definition: FunctionDef, context: Context) -> frozenset[str]:
        """The qualified names of the library decorators of a method."""
        names = set()
        for decorator in definition.decorators:
            expression = decorator.function if isinstance(decorator, Call) else decorator
            if isinstance(expression, Name | Attribute):
                names |= {v.name for v in self._evaluator.evaluate(expression, context) if isinstance(v, External)}
        return frozenset(names)

    # --- objects ------------------------------------------------------------------------------------------------------

    def attribute(self, instance: Instance, name: str) -> Values:
        """An attribute of an object: what its methods assign to `self`, else a member of its class."""
        has_member = self.members(instance.cls, name) is not None
        member = self.method(instance.cls, name, (instance,)) if has_member else BOTTOM
        assignments = [
            (base, found)
            for base in self.line(instance.cls)
            if isinstance(base, Class)
            for found in self._assigned((base, name))
        ]
        if assignments:
            values = union(*(self._assigned_value(instance, base, found) for base, found in assignments))
            informative = tuple(value for value in values if value != UNKNOWN)
            return union(informative, member) if informative and has_member and member != TOP else union(values, member)
        if any(self._evaluator.entities.is_descriptor(value) for value in member):
            return TOP
        field = self._field(instance, name)
        if field or has_member:
            return field or self._default(instance, name) or member
        return self._inherited(instance, name)

    def _default(self, instance: Instance, name: str) -> Values:
        """The default of a field that the construction leaves out; settings take theirs from elsewhere."""
        found = self.members(instance.cls, name)
        if found is None or not isinstance(instance.origin, FromCall) or self.is_settings(instance.cls):
            return BOTTOM
        if any(given == UNPACKED for given, _ in instance.arguments):
            return BOTTOM
        holder, bindings = found
        defaults = [
            binding.value for binding in bindings if isinstance(binding, Assigned) and binding.value is not None
        ]
        if not defaults or len(defaults) != len(bindings):
            return BOTTOM
        values = union(*(self._evaluator.evaluate(default, self.context(holder)) for default in defaults))
        return values if all(is_exact(value) for value in values) else BOTTOM

    def is_settings(self, cls: Class) -> bool:
        """The class takes its values from the environment."""
        bases = [base.name for base in self.external_bases(cls) if isinstance(base, External)]
        return any(name.endswith(".BaseSettings") for name in bases)

    def field_names(self, cls: Class) -> tuple[str, ...]:
        """The fields of a data class or named tuple, in the order of its arguments; none of another class."""
        if not self._takes_fields(cls):
            return ()
        fields: dict[str, None] = {}
        for base in reversed([base for base in self.line(cls) if isinstance(base, Class)]):
            for statement in base.definition.body:
                if isinstance(statement, Assign) and statement.annotation is not None:
                    fields |= {target.id: None for target in statement.targets if isinstance(target, Name)}
        return tuple(fields)

    def _takes_fields(self, cls: Class) -> bool:
        if any(isinstance(base, External) and base.name == "typing.NamedTuple" for base in self.external_bases(cls)):
            return True
        return any(
            last_name(d.function if isinstance(d, Call) else d) == "dataclass" for d in cls.definition.decorators
        )

    def _field(self, instance: Instance, name: str) -> Values:
        """What the construction gave a field of a data class, a model or the like."""
        return next((values for key, values in instance.arguments if key == name), BOTTOM)

    def _inherited(self, instance: Instance, name: str) -> Values:
        for base in self.external_bases(instance.cls):
            if isinstance(base, External) and self._evaluator.table.type(base.name) is not None:
                return self._evaluator.attribute(ExternalInstance(base.name, instance.origin), name)
        return TOP

    def _assigned_value(self, instance: Instance, holder: Class, found: _Assignment) -> Values:
        return self._evaluator.bound(found.binding, self.method_context(instance, holder, found.method))

    def method_context(self, instance: Instance, holder: Class, method: FunctionDef) -> Context:
        """The context of a method's body when it runs on this object."""
        arguments: list[tuple[str, Values]] = []
        if method.parameters:
            arguments.append((method.parameters[0].name, (instance,)))
        if method.name == "__init__":
            first = {name for name, _ in arguments}
            arguments += [pair for pair in instance.arguments if pair[0] not in first]
        return self._evaluator.context(holder.module, method, self.context(holder), tuple(arguments))

    def super_attribute(self, value: Super, name: str) -> Values:
        """`super().name` in a method of a class."""
        line = self.line(value.cls)
        for base in line[1:]:
            if isinstance(base, Class):
                bindings = self._evaluator.reaching(self.context(base)).at_end.get(name)
                if bindings:
                    context = self.context(base)
                    return union(*(self._member(binding, base, context, value.receiver) for binding in bindings))
        return TOP

    def is_computed(self, values: Values, name: str) -> bool:
        """The attribute of one of these objects is a property: it can differ from one time to the next."""
        instances = (value for value in values if isinstance(value, Instance))
        return any(self._is_property(instance.cls, name) for instance in instances)

    def _is_property(self, cls: Class, name: str) -> bool:
        found = self.members(cls, name)
        if found is None:
            return False
        holder, bindings = found
        definitions = (holder.module.definition(b.definition) for b in bindings if isinstance(b, Defined))
        context = self.context(holder)
        return any(
            isinstance(definition, FunctionDef) and bool(self.decorators(definition, context) & set(_PROPERTIES))
            for definition in definitions
        )

    def are_fixed(self, values: Values, name: str, context: Context) -> bool:
        """No code that is at hand assigns to an attribute of these objects, but their own initialisers."""
        instances = [value for value in values if isinstance(value, Instance)]
        if not instances or len(instances) != len(values):
            return False
        modules = {context.module}
        for instance in instances:
            modules |= {base.module for base in self.line(instance.cls) if isinstance(base, Class)}
            modules |= {instance.origin.site.module} if isinstance(instance.origin, FromCall) else set()
        return not any(self._may_change(module, name, instances) for module in modules)

    def _may_change(self, module: Module, name: str, instances: list[Instance]) -> bool:
        if name not in self._assigned_outside(module):
            return False
        owners = self._owners((module, name))
        return any(self._may_be(owner, instance) for owner in owners for instance in instances)

    def _may_be(self, owner: Value, instance: Instance) -> bool:
        """The object that an assignment changes may be this one."""
        if not isinstance(owner, Instance):
            return owner == UNKNOWN
        if isinstance(owner.origin, FromCall) and isinstance(instance.origin, FromCall):
            return owner.origin.site.fact is instance.origin.site.fact
        lines = self.line(owner.cls), self.line(instance.cls)
        return any(base.definition is instance.cls.definition for base in lines[0] if isinstance(base, Class)) or any(
            base.definition is owner.cls.definition for base in lines[1] if isinstance(base, Class)
        )

    def _owners_of_assigned(self, key: tuple[Module, str]) -> Values:
        """The objects whose attribute of this name a module assigns, outside initialisers."""
        module, name = key
        results: list[Values] = []
        for context in scopes_saying(self._evaluator, module, lambda text: name in assigned_attributes(text)):
            if getattr(context.scope, "name", "") == "__init__":
                continue
            assigned = (s for s in statements(body_of(context)) if isinstance(s, Assign))
            targets = (target for statement in assigned for target in statement.targets)
            results += [
                self._evaluator.evaluate(target.value, context)
                for target in targets
                if isinstance(target, Attribute) and target.attr == name
            ]
        return union(*results)

    def is_settled(self, expression: Attribute, context: Context) -> bool:
        """All that an attribute can be is what the code that is at hand gives it."""
        owners = self._evaluator.evaluate(expression.value, context)
        return bool(owners) and all(self._is_settled_of(owner, expression.attr, context) for owner in owners)

    def _is_settled_of(self, owner: Value, name: str, context: Context) -> bool:
        match owner:
            case EnumMember():
                return True
            case Class():
                return self.is_enum(owner) or name.isupper()
            case ModuleValue():
                return name.isupper()
            case Instance() if isinstance(owner.origin, FromCall):
                is_given = any(given in (name, UNPACKED) for given, _ in owner.arguments)
                return self.are_fixed((owner,), name, context) if not is_given or self._field(owner, name) else False
            case Instance():
                return self._is_literal_field(owner, name)
            case ExternalInstance():
                return name == "method"
            case _:
                return False

    def _is_literal_field(self, owner: Instance, name: str) -> bool:
        """`field: Literal[...]` of a class that validates it."""
        found = self.members(owner.cls, name)
        return found is not None and all(isinstance(b, Assigned) and b.annotation is not None for b in found[1])

    # --- enumerations -------------------------------------------------------------------------------------------------

    def is_enum(self, cls: Class) -> bool:
        """The class derives from `enum.Enum`."""
        return any(isinstance(base, External) and base.name in _ENUMS for base in self.external_bases(cls))

    def is_plain_enum(self, cls: Class) -> bool:
        """A member of the class is a string or number, too."""
        bases = {base.name for base in self.external_bases(cls) if isinstance(base, External)}
        return bool(bases & {"builtins.str", "builtins.int", "enum.StrEnum", "enum.IntEnum"})

    def is_enum_member(self, cls: Class, name: str) -> bool:
        """A name in the body of an enumeration is bound to a value, and is no method."""
        if not self.is_enum(cls):
            return False
        found = self.members(cls, name)
        return found is not None and all(isinstance(binding, Assigned) for binding in found[1])

    def member_of_value(self, cls: Class, arguments: Sequence[CallArgument]) -> EnumMember | None:
        """`Kind("mail")` is the member with that value."""
        if not self.is_enum(cls) or len(arguments) != 1 or len(arguments[0].values) != 1 or arguments[0].star:
            return None
        for name in self._evaluator.reaching(self.context(cls)).at_end:
            if self.is_enum_member(cls, name):
                member = EnumMember(cls, name)
                values = self.enum_attribute(member, "value")
                if len(values) == 1 and equals(self._evaluator, values[0], arguments[0].values[0]):
                    return member
        return None

    def enum_attribute(self, member: EnumMember, name: str) -> Values:
        """`.value`, `.name` or another attribute of a member of an enumeration."""
        found = self.members(member.cls, member.name)
        if name == "name":
            return (Data("str", member.name),)
        if name == "value" and found is not None:
            holder, bindings = found
            return union(*(self._evaluator.bound(binding, self.context(holder)) for binding in bindings))
        return self.method(member.cls, name, (member,)) if self.members(member.cls, name) is not None else TOP

    def same_member(self, one: EnumMember, other: EnumMember) -> bool | None:
        """Whether two names of an enumeration are the same member: one can be an alias of the other."""
        if one.name == other.name:
            return True
        values = self.enum_attribute(one, "value"), self.enum_attribute(other, "value")
        return None if values[0] == values[1] and values[0] != TOP and not _is_auto(values[0]) else False

    def is_abstract(self, function: FunctionDef) -> bool:
        """The body says nothing: only a docstring, `...`, `pass` or `raise NotImplementedError`."""
        return all(_says_nothing(statement) for statement in function.body)


def _assignments(key: tuple[Class, str]) -> tuple[_Assignment, ...]:
    """The assignments to an attribute of `self` in the methods of one class body."""
    cls, name = key
    return tuple(found for method in _methods_assigning(cls, name) for found in _assigning(method, name))


def _is_auto(values: Values) -> bool:
    return any(isinstance(value, ExternalInstance) for value in values)


def _attributes_assigned_outside_init(module: Module) -> frozenset[str]:
    """The attributes of anything that may be assigned to in a module, but in initialisers; by its text."""
    outline = module.source.outline
    if outline is None:
        return frozenset(target.attr for target in _assigned_in(module.facts.body) if isinstance(target, Attribute))
    initialisers = {number for number, chunk in enumerate(outline.chunks) if chunk.name == "__init__"}
    outside = (
        number
        for number, chunk in enumerate(outline.chunks)
        if number not in initialisers and chunk.within not in initialisers
    )
    return frozenset(name for number in outside for name in assigned_attributes(outline.text(number)))


def _assigned_in(body: tuple[Statement, ...]) -> Iterator[Expression]:
    """The targets of the assignments in a body and in the definitions in it."""
    for statement in statements(body):
        if isinstance(statement, FunctionDef | ClassDef):
            yield from _assigned_in(statement.body)
        if isinstance(statement, Assign):
            yield from statement.targets


def _methods_assigning(cls: Class, name: str) -> Iterator[FunctionDef]:
    """The functions of a class body, those in its branches too, that may assign to an attribute."""
    source = cls.module.source
    stack: list[Statement] = list(reversed(cls.definition.body))
    while stack:
        statement = stack.pop()
        if isinstance(statement, DeferredDefinition):
            stack.extend(source.definition(statement) if name in source.assigned(statement) else ())
        elif isinstance(statement, FunctionDef):
            yield statement
        else:
            stack.extend(reversed([child for block in blocks(statement) for child in block]))


def _assigning(method: FunctionDef, name: str) -> Iterator[_Assignment]:
    if not method.parameters:
        return
    this = method.parameters[0].name
    for statement in statements(method.body):
        if not isinstance(statement, Assign) or statement.operator:
            continue
        for target in statement.targets:
            for found, path in _attributes_of(target, this):
                if found == name:
                    binding = Assigned(statement.at, statement.value, path, statement.annotation)
                    yield _Assignment(method, binding)


def _attributes_of(target: Expression, this: str) -> Iterator[tuple[str, UnpackPath]]:
    match target:
        case Attribute(value=Name(id=name)) if name == this:
            yield target.attr, ()
        case _ if hasattr(target, "items") and not isinstance(target, Attribute | Name):
            for index, item in enumerate(getattr(target, "items", ())):
                if isinstance(item, Attribute) and isinstance(item.value, Name) and item.value.id == this:
                    yield item.attr, (index,)


def _says_nothing(statement: Statement) -> bool:
    match statement:
        case ExprStmt(value=Constant(kind="str" | "ellipsis")) | Pass():
            return True
        case Raise(exception=Name(id="NotImplementedError")):
            return True
        case Raise(exception=Call(function=Name(id="NotImplementedError"))):
            return True
        case _:
            return False
