"""From a tool's function to its JSON schema, and from a call's raw arguments to checked ones."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from ltmc.errors import ErrorCode, LtmcError, invalid, shorten
from ltmc.tools.aliases import ALIASES
from ltmc.tools.declaration import declaration_of, prompt_of, resource_of
from ltmc.tools.manifest import SIZES, UNLISTED, Prompt, Resource, Tool

ToolFunction = Callable[..., Awaitable[dict[str, Any]]]


class Binding(NamedTuple):
    """A tool's function with the model of its arguments.

    Attributes:
        services: the types of what is handed in before the arguments.
    """

    function: ToolFunction
    services: tuple[type, ...]
    model: type[BaseModel]

    def check(
        self, raw: dict[str, Any], *, empty_is_unused: bool = False, ignored: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return the arguments as the function takes them, defaults filled in.

        Args:
            empty_is_unused: leave out what is an empty text where that means nothing: some clients fill every field.
            ignored: names that were given and mean nothing, which are told where an argument is missing.

        Raises:
            LtmcError: INVALID_ARGUMENT that names the field, the value and what is allowed.
        """
        arguments = self._without_aliases(raw)
        try:
            checked = self.model.model_validate(arguments)
        except ValidationError as error:
            unused = self._unused(error) if empty_is_unused else ()
            if not unused:
                raise self._refusal(error, ignored) from None
            left = {name: value for name, value in arguments.items() if name not in unused}
            return self.check(left, ignored=ignored)
        return {name: getattr(checked, name) for name in self.model.model_fields}

    def _without_aliases(self, raw: dict[str, Any]) -> dict[str, Any]:
        fields = self.model.model_fields
        arguments: dict[str, Any] = {}
        for given, value in raw.items():
            name = given if given in fields else ALIASES.get(given, given)
            if name not in fields:
                accepted = ", ".join(fields) or "no arguments"
                raise LtmcError(
                    ErrorCode.INVALID_ARGUMENT,
                    f"{shorten(given)} is not an argument of this tool; accepted: {accepted}.",
                    field=given.encode("utf-8", "backslashreplace").decode(),
                    details={"value": shorten(value), "accepted": list(fields)},
                )
            if name in arguments:
                raise invalid(name, value, f"one of {name} and {given}, not both")
            arguments[name] = value
        return {  # null says the same as leaving an argument out
            name: value
            for name, value in arguments.items()
            if value is not None or fields[name].is_required()
        }

    def _unused(self, error: ValidationError) -> set[str]:
        """Return the arguments that may be left out and are an empty text, which they cannot be."""
        fields = self.model.model_fields
        return {
            str(one["loc"][0])
            for one in error.errors(include_url=False)
            if one["input"] == "" and len(one["loc"]) == 1 and not fields[str(one["loc"][0])].is_required()
        }

    def _refusal(self, error: ValidationError, ignored: Sequence[str]) -> LtmcError:
        found = error.errors(include_url=False)
        first = found[0]
        name, *inner = first["loc"]
        field = str(name) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inner)
        if first["type"] == "not_allowed":
            allowed = first["ctx"]["allowed"]
        elif inner:
            allowed = self._inside(str(name), first)
        else:
            allowed = describe(self.model.model_json_schema()["properties"][name])
        if first["type"] == "missing":
            others = [
                str(one["loc"][0]) for one in found[1:] if one["type"] == "missing" and not one["loc"][1:]
            ]
            message = f"{field}: missing; required: {allowed}."
            if others:
                message += f" Also missing: {', '.join(others)}."
            if ignored:
                accepted = ", ".join(self.model.model_fields)
                message += f" Not arguments of this tool: {', '.join(ignored)}; accepted: {accepted}."
            return LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                message,
                field=field,
                details={"value": None, "allowed": allowed},
            )
        return invalid(field, first["input"], allowed)

    def _inside(self, name: str, error: ErrorDetails) -> str:
        """Say what is allowed inside a list or an object."""
        schema = self.model.model_json_schema()
        items = _simplify(schema["properties"][name]).get("items", {})
        if "$ref" in items:
            items = schema["$defs"][items["$ref"].rpartition("/")[2]]
        keys = ", ".join(items.get("properties", {}))
        if error["type"] == "extra_forbidden":
            return f"the keys {keys}"
        if error["type"] == "dict_type":
            return f"an object with the keys {keys}"
        said = error["msg"].removeprefix("Input should be ")
        return said[0].lower() + said[1:]


@cache
def bind(module: str, name: str) -> Binding:
    """Import a tool's function and build the model of its arguments, once."""
    function = getattr(import_module(module), name)
    hints = inspect.get_annotations(function, eval_str=True)
    handed_in: list[type] = []
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            handed_in.append(hints[parameter.name])
        else:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    return Binding(function, tuple(handed_in), create_model(name, __config__=config, **fields))


def declared_tools(module: str) -> list[Tool]:
    """Import a module and return the tools that it declares, in its order."""
    found = []
    for name, function in vars(import_module(module)).items():
        declaration = declaration_of(function)
        if declaration is None or function.__module__ != module:
            continue
        found.append(
            Tool(
                name=name,
                title=declaration.title,
                category=declaration.category,
                module=module,
                read_only=declaration.read_only,
                destructive=declaration.destructive,
                idempotent=declaration.idempotent,
                core=declaration.core,
                lean=list(declaration.lean),
                admin=declaration.admin,
                **schema_of(bind(module, name)),
            )
        )
    return found


def declared_prompts(module: str) -> list[Prompt]:
    """Import a module and return the prompts that it declares, in its order."""
    found = []
    for name, function in vars(import_module(module)).items():
        if (declaration := prompt_of(function)) is not None:
            said = schema_of(bind(module, name))
            schema = said["parameters"]
            arguments = [
                {"name": argument, "required": argument in schema.get("required", ())}
                | ({"description": about["description"]} if "description" in about else {})
                for argument, about in schema["properties"].items()
            ]
            beside = list(declaration.beside)
            found.append(Prompt(name, declaration.title, module, beside, said["description"], arguments))
    return found


def declared_resources(module: str) -> list[Resource]:
    """Import a module and return the resources that it declares, in its order."""
    return [
        Resource(
            name,
            declaration.uri,
            declaration.title,
            module,
            list(declaration.beside),
            declaration.completion,
            schema_of(bind(module, name))["description"],
        )
        for name, function in vars(import_module(module)).items()
        if (declaration := resource_of(function)) is not None
    ]


def schema_of(binding: Binding) -> dict[str, Any]:
    """Return what the manifest holds of a tool's function: its description and the JSON schema of its arguments.

    That other arguments are refused is left unsaid: older names are taken.
    """
    from fastmcp.utilities.json_schema import compress_schema  # when a manifest is made, or a plugin loaded

    summary, arguments = _read_docstring(binding.function)
    schema = compress_schema(binding.model.model_json_schema(), prune_titles=True, dereference=True)
    properties = {name: _shortened(_simplify(value)) for name, value in schema.get("properties", {}).items()}
    for name in SIZES.keys() & properties.keys():
        properties[name].pop("description", None)
    for name, value in properties.items():
        if name in arguments:
            if arguments[name].startswith("false: "):
                value.pop("default", None)
            value["description"] = "; ".join(
                filter(None, (value.get("description"), _unended(arguments[name])))
            )
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if schema.get("required"):
        parameters["required"] = schema["required"]
    return {"description": _unended(summary), "parameters": parameters}


def _unended(text: str) -> str:
    """Return a text without its last full stop, which each listing would carry."""
    return text.removesuffix(".")


def _read_docstring(function: ToolFunction) -> tuple[str, dict[str, str]]:
    """Return the text before ``Args:``, on one line, and the description of each argument."""
    from docstring_parser import google

    found = google.parse(function.__doc__ or "")
    about = " ".join((found.description or "").split())
    return about, {each.arg_name: " ".join((each.description or "").split()) for each in found.params}


def _simplify(schema: Any) -> Any:
    """Return the schema without null as a type of its own: leaving an argument out says the same."""
    if isinstance(schema, list):
        return [_simplify(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {
        key: (
            {name: _simplify(item) for name, item in value.items()}
            if key == "properties"
            else _simplify(value)
        )
        for key, value in schema.items()
        if not (key == "default" and value is None)
    }
    if "anyOf" in schema:
        rest = [option for option in schema["anyOf"] if option != {"type": "null"}]
        if len(rest) == 1:
            del schema["anyOf"]
            schema = rest[0] | schema
        else:
            schema["anyOf"] = rest
    return schema


_LIMITS = {"maximum", "minimum", "maxLength", "minLength", "maxItems", "minItems", "pattern", "format"}
"""What hosts drop on the way to the model: ranges are said in words, and calls are checked anyway."""

_NEAR, _FAR = 16, 1000
"""A range from at most the first to at least the second is one whose ends no agent comes near."""


def _shortened(schema: Any) -> Any:
    """Return the schema without what is understood, its range in words: each listing carries it."""
    if isinstance(schema, list):
        return [_shortened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if UNLISTED in schema and "properties" in schema:
        return {"type": "object"}
    short = {
        key: {name: _shortened(item) for name, item in value.items() if UNLISTED not in item}
        if key == "properties"
        else _shortened(value)
        for key, value in schema.items()
        if key not in _LIMITS
        and not (key == "default" and _is_understood(value, schema))
        and not (schema.get("type") == "object" and key in ("description", "additionalProperties"))
    }
    if words := _range(schema):
        short["description"] = words
    return short


def _is_understood(default: Any, schema: dict[str, Any]) -> bool:
    """Return whether a default needs no words: nothing, the first of a choice, or a number that calls seldom give."""
    return not default or default in schema.get("enum", [])[:1] or schema.get("type") in ("integer", "number")


def _range(schema: dict[str, Any]) -> str:
    """Return the range of a number in words; nothing for one that no agent comes near."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None or high is None or (0 <= low <= _NEAR and high >= _FAR):
        return ""
    return f"{low:.12g}-{high:.12g}"


def describe(schema: dict[str, Any]) -> str:
    """Say in words what a property's JSON schema allows."""
    schema = _simplify(schema)
    if "anyOf" in schema:
        return " or ".join(describe(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(describe({**schema, "type": one}) for one in kind)
    if kind in ("integer", "number"):
        words = "a whole number" if kind == "integer" else "a number"
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None and high is not None and high < 10**9:
            return f"{words} from {low:.12g} to {high:.12g}"
        return words if low is None else f"{words} of at least {low:.12g}"
    if kind == "string":
        if "pattern" in schema:
            return f"text matching {schema['pattern']}"
        return f"text of at most {schema['maxLength']} characters" if "maxLength" in schema else "text"
    if kind == "array":
        sizes = [
            f"at {side} {schema[key]}"
            for key, side in (("minItems", "least"), ("maxItems", "most"))
            if key in schema
        ]
        example = ', such as ["a", "b"]' if schema.get("items", {}).get("type") == "string" else ""
        return "a list" + (f" of {' and '.join(sizes)} items" if sizes else "") + example
    return {"boolean": "true or false", "object": "a JSON object"}.get(str(kind), "a value of the right type")
