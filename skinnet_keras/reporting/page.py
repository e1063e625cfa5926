"""Sections to one HTML file that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jinja2

from skinnet_keras.atomic import atomic_file
from skinnet_keras.reporting.blocks import Section

_TEMPLATES = "skinnet_keras.reporting.templates"


def render_page(title: str, lead: str, sections: Sequence[Section], footer: str) -> str:
    """Render the page; all text is escaped, drawings are written as they are.

    Args:
        title: The heading.
        lead: The one sentence that most readers take away.
        sections: The chapters.
        footer: The last line.

    Returns:
        HTML.
    """
    templates = resources.files(_TEMPLATES)
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (templates / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        title=title,
        lead=lead,
        sections=sections,
        footer=footer,
        style=(templates / "page.css").read_text(encoding="utf-8"),
    )


def write_page(path: Path, html: str) -> None:
    """Write the page, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
