"""Whether arguments fit a signature."""

from __future__ import annotations

from fastapi_bgtask_lint.reading.facts import FunctionDef, Parameter, ParameterKind
from fastapi_bgtask_lint.resolving.values import CallArgument, Function, Value

_POSITIONAL = (ParameterKind.POSITIONAL_ONLY, ParameterKind.POSITIONAL)
_NAMED = (ParameterKind.POSITIONAL, ParameterKind.KEYWORD_ONLY)


def mismatch(value: Value, arguments: tuple[CallArgument, ...]) -> str | None:
    """What is wrong with the arguments; None when they fit or when that can't be known."""
    if not isinstance(value, Function) or any(argument.star for argument in arguments):
        return None
    parameters = list(value.definition.parameters)
    if value.receiver and parameters and parameters[0].kind in _POSITIONAL:
        parameters = parameters[1:]
    name = value.definition.name if isinstance(value.definition, FunctionDef) else "the lambda"
    return (
        _positional(name, parameters, arguments)
        or _keywords(name, parameters, arguments)
        or _missing(name, parameters, arguments)
    )


def not_given(value: Function, arguments: tuple[CallArgument, ...]) -> list[Parameter]:
    """The parameters that a call with these arguments leaves out; none when `*args` or `**kwargs` make it unknown."""
    if any(argument.star for argument in arguments):
        return []
    parameters = list(value.definition.parameters)
    if value.receiver and parameters and parameters[0].kind in _POSITIONAL:
        parameters = parameters[1:]
    count = sum(argument.keyword is None for argument in arguments)
    keywords = {argument.keyword for argument in arguments}
    positional = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
    rest = positional[count:] + [p for p in parameters if p.kind == ParameterKind.KEYWORD_ONLY]
    return [parameter for parameter in rest if parameter.name not in keywords]


def _positional(name: str, parameters: list[Parameter], arguments: tuple[CallArgument, ...]) -> str | None:
    count = sum(argument.keyword is None for argument in arguments)
    room = sum(parameter.kind in _POSITIONAL for parameter in parameters)
    if count <= room or any(parameter.kind == ParameterKind.VAR_POSITIONAL for parameter in parameters):
        return None
    return f"{name} takes {_counted(room, 'positional argument')} and {count} are given"


def _keywords(name: str, parameters: list[Parameter], arguments: tuple[CallArgument, ...]) -> str | None:
    count = sum(argument.keyword is None for argument in arguments)
    taken = {parameter.name for parameter in [p for p in parameters if p.kind in _POSITIONAL][:count]}
    named = {parameter.name for parameter in parameters if parameter.kind in _NAMED}
    open_ended = any(parameter.kind == ParameterKind.VAR_KEYWORD for parameter in parameters)
    for argument in arguments:
        if argument.keyword is None:
            continue
        if argument.keyword in taken & named:
            return f"{name} gets the argument {argument.keyword} twice"
        if argument.keyword not in named and not open_ended:
            return f"{name} has no parameter {argument.keyword}"
    return None


def _missing(name: str, parameters: list[Parameter], arguments: tuple[CallArgument, ...]) -> str | None:
    count = sum(argument.keyword is None for argument in arguments)
    keywords = {argument.keyword for argument in arguments}
    positional = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
    wanted = positional[count:] + [p for p in parameters if p.kind == ParameterKind.KEYWORD_ONLY]
    missing = [p.name for p in wanted if p.default is None and p.name not in keywords]
    return f"{name} is not given {' and '.join(missing)}" if missing else None


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
