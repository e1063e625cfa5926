"""The page's tables of strings."""

from __future__ import annotations

import json
import re

import pytest

from skinnet_keras.data.metadata import SEXES, SITES
from skinnet_keras.serving.webapp import build
from skinnet_keras.taxonomy import LABELS

TABLES = {
    language: json.loads((build.PAGE / f"strings/{language}.json").read_text(encoding="utf-8"))
    for language in build.LANGUAGES
}


@pytest.mark.parametrize("language", build.LANGUAGES)
def test_every_language_says_the_same_things(language):
    first, table = TABLES[build.LANGUAGES[0]], TABLES[language]
    assert list(table) == list(first)
    places = re.compile(r"\{\w+\}")
    for key, string in table.items():
        assert string.strip()
        assert sorted(places.findall(string)) == sorted(places.findall(first[key])), key


def test_russian_is_russian():
    same = {"result.answer"}
    for key, string in TABLES["ru"].items():
        assert re.search(r"[\u0400-\u04ff]", string) or key in same, key


def test_every_class_site_and_sex_has_a_name():
    words = {"class": LABELS, "note": LABELS, "site": SITES, "sex": SEXES}
    for kind, names in words.items():
        found = {key.removeprefix(f"{kind}.") for key in TABLES["en"] if key.startswith(f"{kind}.")}
        assert found == set(names)


def test_every_string_is_used_and_every_used_one_is_there():
    page = (build.PAGE / "index.html").read_text(encoding="utf-8")
    used = set(re.findall(r'data-(?:text|label)="([^"]+)"', page))
    for module in build.PAGE.glob("*.js"):
        used |= set(re.findall(r"'([a-z]+(?:\.[a-zA-Z]+)*)'", module.read_text(encoding="utf-8")))
    table = set(TABLES["en"])
    named = {key for key in table if key.split(".")[0] in ("class", "note", "site", "sex")}
    assert table - named <= used
    assert set(re.findall(r'data-(?:text|label)="([^"]+)"', page)) <= table
