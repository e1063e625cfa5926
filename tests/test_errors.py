from __future__ import annotations

import copy
import pickle

from skinnet_keras.errors import UserError


def test_a_message_is_one_line_whatever_it_quotes():
    error = UserError("a\n  b\r\nc\x1b[2J\x00\ud800\u2028é  d\n")
    assert str(error) == r"a b c\x1b[2J\x00\ud800 é  d"
    assert str(copy.copy(error)) == str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301
