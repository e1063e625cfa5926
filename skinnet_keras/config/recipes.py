"""Several recipes in one config file: our own values, and under `recipes` what others change."""

from __future__ import annotations

from typing import Any

from skinnet_keras.config.experiment import OWN_RECIPE
from skinnet_keras.errors import UserError


def choose_recipe(raw: dict[str, Any], wanted: Any, origin: str) -> dict[str, Any]:
    """Put a recipe's values over the file's own.

    The result records its recipe, and is called `<name>_<recipe>` so that its run does not take
    the place of ours.

    Args:
        raw: The file's keys and values; `recipes` holds name -> keys and values.
        wanted: Name of the recipe; None for the one the file names, which is ours by default.
        origin: The file, for errors.

    Returns:
        Keys and values without `recipes`.

    Raises:
        UserError: There is no such recipe, or `recipes` does not hold keys and values.
    """
    values = {key: value for key, value in raw.items() if key != "recipes"}
    recipes = raw.get("recipes") or {}
    if not isinstance(recipes, dict) or not all(isinstance(r, dict) for r in recipes.values()):
        raise UserError(f"config {origin}: recipes must hold names, each with keys and values.")
    recorded = raw.get("recipe", OWN_RECIPE)
    # A run's config holds the merged values only: they are those of the recipe it records.
    own = OWN_RECIPE if recipes else recorded
    chosen = recorded if wanted is None else wanted
    if chosen == own:
        return values
    if not isinstance(chosen, str) or chosen not in recipes:
        known = ", ".join(str(name) for name in (own, *recipes))
        raise UserError(f"config {origin}: no recipe {chosen!r}; its recipes are {known}.")
    merged = {**_merge(values, recipes[chosen]), "recipe": chosen}
    if "name" in merged:
        merged["name"] = f"{merged['name']}_{chosen}"
    return merged


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` put into its sections.

    A section that changes to another `name` (optimiser, schedule, loss) is replaced as a whole:
    the old one's arguments mean nothing to the new one.
    """
    merged = dict(base)
    for key, new in changes.items():
        old = merged.get(key)
        if isinstance(new, dict) and isinstance(old, dict):
            same = "name" not in new or new["name"] == old.get("name")
            merged[key] = _merge(old, new) if same else new
        else:
            merged[key] = new
    return merged
