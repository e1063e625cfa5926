"""Sections of a config as text."""

from __future__ import annotations

from collections.abc import Set

from pydantic import BaseModel


def with_arguments(section: BaseModel, *, without: Set[str] = frozenset()) -> str:
    """A named section as text: its name, then the values that mean something.

    Args:
        section: The section.
        without: Keys to leave out.
    """
    values = section.model_dump(exclude={"name", *without}, exclude_none=True)
    arguments = ", ".join(f"{key} {value}" for key, value in values.items() if value != {})
    name = str(getattr(section, "name", ""))
    return f"{name} ({arguments})" if arguments else name
