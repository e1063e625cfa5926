"""The page: escaped text, nothing from outside, one id a thing."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from skinnet_keras.evaluation.plots import plot_confusion_matrix
from skinnet_keras.evaluation.table import Table
from skinnet_keras.reporting.blocks import (
    Cards,
    Code,
    Gallery,
    Listing,
    Notes,
    Paragraph,
    Picture,
    Section,
    TableBlock,
)
from skinnet_keras.reporting.drawings import figure_block
from skinnet_keras.reporting.page import render_page, write_page

EVIL = "<script>alert('&')</script>"
_VOID = {"meta", "br", "img", "link"}


class Elements(HTMLParser):
    """Every element must be closed where it was opened; ids and addresses are kept."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.names: Counter[str] = Counter()
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.names[tag] += 1
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.addresses.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def parse(html: str) -> Elements:
    elements = Elements()
    elements.feed(html)
    elements.close()
    assert not elements.open
    return elements


def draw(path: Path) -> None:
    plot_confusion_matrix(np.array([[3, 1], [0, 2]]), ("MEL", "NV"), path, title=EVIL)


def sections() -> list[Section]:
    table = Table(EVIL, ("Class", EVIL), (("MEL", "1"), (EVIL, "2")), (EVIL,), last_is_total=True)
    blocks = [
        Paragraph(EVIL),
        Paragraph(EVIL, "warning"),
        Notes([EVIL]),
        Cards([(EVIL, EVIL, EVIL)]),
        TableBlock(table),
        TableBlock(table, folded=True),
        figure_block(draw, EVIL, EVIL),
        figure_block(draw, "again", wide=True),
        Gallery([Picture("data:image/jpeg;base64,AAAA", EVIL, [EVIL, "b"])]),
        Listing([(EVIL, EVIL)]),
        Code(EVIL, EVIL),
    ]
    return [Section("first", EVIL, blocks), Section("second", "Second", [])]


def test_everything_is_escaped_and_closed():
    html = render_page(EVIL, EVIL, sections(), EVIL)
    elements = parse(html)
    assert elements.names["script"] == 0
    assert html.count("&lt;script&gt;") >= 18
    assert elements.names["table"] == 2
    assert elements.names["details"] == 2
    assert elements.names["svg"] == 2


def test_page_needs_nothing_else():
    elements = parse(render_page("t", "l", sections(), "f"))
    assert elements.addresses
    assert all(address.startswith(("#", "data:")) for address in elements.addresses)
    html = render_page("t", "l", sections(), "f")
    outside = re.findall(r"https?://[^\"'<> ]+", html)
    # Names of the SVG namespaces, which nobody fetches.
    assert set(outside) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_ids_are_unique_and_links_lead_somewhere():
    elements = parse(render_page("t", "l", sections(), "f"))
    assert not [name for name, count in Counter(elements.ids).items() if count > 1]
    inside = {address[1:] for address in elements.addresses if address.startswith("#")}
    assert inside <= set(elements.ids)
    assert {"first", "second"} <= inside


def test_page_replaces_an_earlier_one(tmp_path):
    for text in ("one", "two"):
        write_page(tmp_path / "a" / "page.html", text)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["page.html"]
    assert (tmp_path / "a" / "page.html").read_text() == "two"
