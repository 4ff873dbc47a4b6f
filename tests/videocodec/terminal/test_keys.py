"""Bytes of terminals to names of keys."""

from __future__ import annotations

import pytest

from videocodec.terminal.keys import KeyParser


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b" .,q", ["space", ".", ",", "q"]),
        (b"\x1b[C\x1b[D\x1bOC", ["right", "left", "right"]),
        (b"\x1b[1;2C\x1b[1;2D", ["shift+right", "shift+left"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1bOH", ["home", "end", "home", "end", "home"]),
        (b"\x1b[[l]", ["l", "]"]),
        (b"\x1b[15~x\x1b[<0;3;4Mq", ["x", "q"]),
        (b"\x7f", ["backspace"]),
        ("é.".encode(), ["."]),
        (b"\x1bq", ["q"]),
    ],
)
def test_whole(data: bytes, keys: list[str]) -> None:
    assert KeyParser().feed(data) == keys


@pytest.mark.parametrize("data", [b"\x1b[1;2C.", b"\x1bOD.", b"\x1b[4~."])
def test_in_pieces(data: bytes) -> None:
    parser, keys = KeyParser(), []
    for byte in data:
        keys += parser.feed(bytes([byte]))
    assert keys == KeyParser().feed(data) and keys[-1] == "."
