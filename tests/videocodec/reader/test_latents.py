"""Latents by access unit: what is at hand is there at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bitstream.container import SharedFile
from videocodec.decoder.index import StreamIndex
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.unit_decoder import UnitDecoder
from videocodec.reader.cache import Cache
from videocodec.reader.latents import LatentSource

PATIENCE = 60  # seconds; machines are slow


def test_nobody_waits_for_another_unit_than_the_one_asked_for(
    coded_movie, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SharedFile.open(str(coded_movie.coded))
    stream = LatentStream(shared, None)
    source = LatentSource(shared, StreamIndex(stream.reader), stream.bundle.tables, Cache(1 << 29))
    first = source.unit(0)
    begun, may_end, decode = threading.Event(), threading.Event(), UnitDecoder.decode

    def held(*args: Any, **options: Any) -> Any:
        begun.set()
        assert may_end.wait(PATIENCE)
        return decode(*args, **options)

    monkeypatch.setattr(UnitDecoder, "decode", held)
    other = threading.Thread(target=source.unit, args=(1,))
    other.start()
    try:
        assert begun.wait(PATIENCE)
        found: list[Any] = []
        asked = threading.Thread(target=lambda: found.append(source.unit(0)), daemon=True)
        asked.start()
        asked.join(PATIENCE)
        assert found == [first]
    finally:
        may_end.set()
        other.join()
        shared.close()
