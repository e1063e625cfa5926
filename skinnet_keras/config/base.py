"""What all sections of a config share: no unknown keys, and keys that hang on the `name`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

# The upper bounds are far beyond what serves anybody: they find the slip of a key.
Count = Annotated[int, Field(gt=0, le=100_000)]
Width = Annotated[int, Field(gt=0, le=16_384)]
Fraction = Annotated[float, Field(ge=0, lt=1)]

_MAX_ARGUMENT = 1e6


def _finite_arguments(value: Any) -> Any:
    """Refuse numbers that no argument of a network or a loss can mean."""
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            _finite_arguments(item)
        elif isinstance(item, int | float) and not abs(item) <= _MAX_ARGUMENT:
            raise ValueError(
                f"its numbers must lie between {-_MAX_ARGUMENT:g} and {_MAX_ARGUMENT:g}"
            )
    return value


Arguments = Annotated[dict[str, Any], AfterValidator(_finite_arguments)]
"""Keyword arguments of a builder or a loss, which checks them."""


class Section(BaseModel):
    """A section of the YAML file; unknown keys are errors, values cannot be changed.

    No number is NaN or infinite, and no number is given as true or false.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_no_switches(cls, data: Any) -> Any:
        for key, value in data.items() if isinstance(data, dict) else ():
            field = cls.model_fields.get(key)
            if field is not None and _holds_numbers(field.annotation) and _holds_switch(value):
                raise ValueError(f"{key} is true or false where a number is to be")
        return data


def _holds_numbers(annotation: Any) -> bool:
    return annotation in (int, float) or any(map(_holds_numbers, get_args(annotation)))


def _holds_switch(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_holds_switch, value.values() if isinstance(value, dict) else value))
    return isinstance(value, bool)


class NamedSection(Section):
    """A section whose `name` decides which of its other keys may be given.

    Subclasses declare such keys as `... | None = None` and list them, with their defaults, in
    `own_keys`. Those of the chosen name get their default, those of other names stay None.

    Attributes:
        own_keys: Name -> key -> default; None for a key without which the name means nothing.
        hints: Key -> what to do instead, for keys that people expect where they are not.
    """

    own_keys: ClassVar[dict[str, dict[str, Any]]] = {}
    hints: ClassVar[dict[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _only_keys_of_the_name(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        name = data.get("name", cls.model_fields["name"].default)
        if not isinstance(name, str) or name not in cls.own_keys:
            return data  # The type of `name` says what is wrong.
        own = cls.own_keys[name]
        for key, names in cls._names_of_keys().items():
            if key not in own and data.get(key) is not None:
                hint = cls.hints.get(key, f"leave it out, or set it to null ({key} is for {names})")
                raise ValueError(f"{name} takes no {key}: {hint}")
        values = {**own, **{key: value for key, value in data.items() if value is not None}}
        missing = [key for key in own if values[key] is None]
        if missing:
            raise ValueError(f"{name} needs {missing[0]}")
        return values

    @classmethod
    def _names_of_keys(cls) -> dict[str, str]:
        """Key -> the names that take it."""
        keys = dict.fromkeys(key for own in cls.own_keys.values() for key in own)
        return {
            key: ", ".join(name for name, own in cls.own_keys.items() if key in own) for key in keys
        }
