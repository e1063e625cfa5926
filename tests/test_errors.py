from __future__ import annotations

import copy
import pickle

from skinnet_keras.errors import UserError


def test_a_message_is_one_line_whatever_it_quotes():
    error = UserError("a\n  b\r\nc\x1b[2J\x00\ud800\u2028é  d\n")
    assert str(error) == r"a b c\x1b[2J\x00\ud800 é  d"
    assert str(copy.copy(error)) == str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301


def test_a_page_that_is_quoted_leaves_the_file_and_the_cure():
    said = str(UserError(f"x.csv holds {'y ' * 500_000}: keep one."))
    assert said.startswith("x.csv holds y y")
    assert said.endswith("y y : keep one.")
    assert len(said) < 4100
