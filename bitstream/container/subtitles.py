"""Subtitles that are plain text with marks, as MP4 holds them (``mov_text``)."""

from __future__ import annotations

import re

TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "text"})
_ASS_FIELDS = 8  # of a packet in Matroska, before the text
_TAGS = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_LONGEST = 0xFFFF  # bytes of one text


def as_mov_text(payload: bytes, codec: str) -> bytes:
    """A packet of ``mov_text`` with the text of a packet of another codec, without its styles."""
    text = payload.decode("utf-8", "replace")
    if codec in ("ass", "ssa"):
        text = text.split(",", _ASS_FIELDS)[-1]
        text = text.replace(r"\N", "\n").replace(r"\n", "\n").replace(r"\h", " ")
    data = _TAGS.sub("", text).replace("\r\n", "\n").strip().encode()[:_LONGEST]
    data = data.decode("utf-8", "ignore").encode()  # no half of a character at its end
    return len(data).to_bytes(2, "big") + data
