"""Mapped classes of an ORM, and what becomes of them on the way from a query to its objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import Assign, Constant
from fastapi_bgtask_lint.resolving.values import (
    Alias,
    CallArgument,
    Class,
    Data,
    External,
    ExternalInstance,
    Instance,
    Loaded,
    Site,
    Value,
    Values,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.knowledge import Row
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_BASES = ("DeclarativeBase", "DeclarativeBaseNoMeta", "MappedAsDataclass")
_MAKERS = ("declarative_base()", "generate_base()", "automap_base()")
_SQLMODEL = "sqlmodel.SQLModel"
_DESCRIPTORS = frozenset(
    {"Column", "mapped_column", "relationship", "Mapped", "DynamicMapped", "WriteOnlyMapped", "column_property",
     "Relationship", "Field", "deferred", "synonym", "backref", "composite", "hybrid_property", "association_proxy"}
)  # fmt: skip


class Entities:
    """Follows mapped classes through queries."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._mapped = evaluator.solver.query(self._find_mapped, False)

    def is_mapped(self, cls: Class) -> bool:
        """The class is mapped to a table, by its bases or its table's name."""
        return self._mapped(cls)

    def _find_mapped(self, cls: Class) -> bool:
        return self._is_table_model(cls) or any(
            self._declares(base) for base in self._evaluator.classes.line(cls) if isinstance(base, Class)
        )

    def _declares(self, cls: Class) -> bool:
        for expression in cls.definition.bases:
            for base in self._evaluator.evaluate(expression, cls.parent):
                name = base.name if isinstance(base, External) else base.base if isinstance(base, Alias) else ""
                if name.startswith("sqlalchemy") and name.endswith(_BASES):
                    return True
                if isinstance(base, ExternalInstance) and base.type.endswith(_MAKERS):
                    return True
        return any(
            isinstance(statement, Assign) and any(getattr(t, "id", "") == "__tablename__" for t in statement.targets)
            for statement in cls.definition.body
        )

    def _is_table_model(self, cls: Class) -> bool:
        is_table = any(
            argument.keyword == "table" and isinstance(argument.value, Constant) and argument.value.value is True
            for argument in cls.definition.keywords
        )
        return is_table and self._evaluator.classes.is_subclass(cls, _SQLMODEL) is not False

    @staticmethod
    def is_descriptor(value: Value) -> bool:
        """The value describes a column or a relation: what an object has under its name is not known."""
        if not isinstance(value, ExternalInstance) or not value.type.startswith(("sqlalchemy", "sqlmodel")):
            return False
        return value.type.rpartition(".")[2].removesuffix("()") in _DESCRIPTORS

    # --- queries ------------------------------------------------------------------------------------------------------

    def result(
        self,
        row: Row,
        receiver: ExternalInstance | None,
        arguments: Sequence[CallArgument],
        made: Values,
        site: Site | None,
    ) -> Values:
        """What a call gives, with what is known of the mapped object behind it."""
        session = receiver if receiver is not None and self._evaluator.table.is_session(receiver.type) else None
        match row.entity:
            case "selects":
                return _holding(made, self._loaded(self._selected(arguments), session, site))
            case "gets":
                return self._one(self._loaded(self._selected(arguments[:1]), session, site), made)
            case "carries":
                return _holding(made, self._loaded(_asked(arguments), session, site))
            case "fetches":
                return self._one(self._loaded(_asked(arguments), session, site), made)
        entity = receiver.entity if receiver is not None else None
        if entity is None:
            return made
        match row.entity:
            case "keeps":
                return _holding(made, entity)
            case "one":
                return (entity,)
            case "row":
                return (_row(entity),)
            case "rows":
                return (Data("list", items=(("*", (_row(entity),)),)),)
            case _:
                return (Data("list", items=(("*", (entity,)),)),)

    @staticmethod
    def _one(entity: Instance | None, made: Values) -> Values:
        return made if entity is None else (entity,)

    def _selected(self, arguments: Sequence[CallArgument]) -> Instance | None:
        if len(arguments) != 1 or arguments[0].star or len(arguments[0].values) != 1:
            return None
        (value,) = arguments[0].values
        return Instance(value) if isinstance(value, Class) and self.is_mapped(value) else None

    @staticmethod
    def _loaded(entity: Instance | None, session: ExternalInstance | None, site: Site | None) -> Instance | None:
        if entity is None or session is None or site is None:
            return entity
        return replace(entity, origin=Loaded(site, session))


def _asked(arguments: Sequence[CallArgument]) -> Instance | None:
    """What the statement asks for that a session is given."""
    entities = {v.entity for v in arguments[0].values if isinstance(v, ExternalInstance)} if arguments else set()
    return entities.pop() if len(entities) == 1 else None


def _holding(made: Values, entity: Instance | None) -> Values:
    return tuple(replace(value, entity=entity) if isinstance(value, ExternalInstance) else value for value in made)


def _row(entity: Instance) -> Data:
    return Data("tuple", items=(("0", (entity,)),))
