"""What an encode leaves in its folder, as types: encode.json and decode.json."""

from __future__ import annotations

from typing import TypedDict


class EncodeFile(TypedDict):
    """How an encode was made, and what that took; times in seconds."""

    depends_on: dict[str, object]
    command: str
    passes: int
    crf: float | None
    notes: list[str]
    video_bytes: int
    file_bytes: int
    frame_bytes: list[int]
    encode_seconds: float
    encode_cpu_seconds: float
    encode_peak_bytes: int
    idle_bytes: int


class DecodeFile(TypedDict):
    """What decoding it took; times in seconds.

    check_version: ``trust.CHECK_VERSION`` of the checks that the frames passed.
    """

    decode_seconds: float
    decode_cpu_seconds: float
    decode_peak_bytes: int
    check_version: int
