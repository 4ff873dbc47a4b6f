"""Jumps in format version 2: what lies on the way is passed over, and the frame is the same."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import SharedFile, StreamReader
from videocodec import VideoReader, decode_frames, encode
from videocodec.decoder.index import StreamIndex
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.unit_decoder import UnitDecoder
from videocodec.errors import DamagedFrameError
from videocodec.reader.cache import Cache, Kind
from videocodec.reader.latents import LatentSource

from .conftest import CPU

ALONE = CPU | {"read_ahead": False}
FRAMES = 44
PRESETS = ("ultrafast", "medium")


@pytest.fixture(scope="module")
def movies(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list[np.ndarray]],
) -> dict[str, Path]:
    """One group of pictures of 48×64, by the preset that coded it, several access units long."""
    folder = tmp_path_factory.mktemp("jumps")
    source = write_movie(folder / "pan.mp4", panned(FRAMES, 48, 64, (1, 1)))
    for preset in PRESETS:
        target = folder / f"{preset}.lv.mp4"
        encode(source, target, crf=36, gop_size=250, preset=preset, model="second", **CPU)
    return {preset: folder / f"{preset}.lv.mp4" for preset in PRESETS}


@pytest.fixture(scope="module")
def pictures(movies: dict[str, Path]) -> dict[str, list[np.ndarray]]:
    return {preset: [one.data for one in decode_frames(movies[preset], **CPU)] for preset in movies}


@contextmanager
def opened(movie: Path) -> Iterator[Callable[[], tuple[LatentSource, StreamIndex, Cache]]]:
    """What makes sources of latents that know nothing yet."""
    file = SharedFile.open(str(movie))
    stream = LatentStream(file, None)

    def source() -> tuple[LatentSource, StreamIndex, Cache]:
        index, cache = StreamIndex(stream.reader), Cache(1 << 29)
        return LatentSource(file, index, stream.bundle.tables, cache), index, cache

    try:
        yield source
    finally:
        file.close()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_first_jump_gives_the_frame(preset: str, movies: dict[str, Path]) -> None:
    exact = list(LatentStream(movies[preset]).frames())
    with opened(movies[preset]) as make:
        _, index, _ = make()
        assert len(index.units) > 3 and len(index) == FRAMES
        for unit in index.units:
            source, _, _ = make()
            for frame in source.unit(unit.number):
                other = exact[frame.index]
                assert np.array_equal(frame.latent.latents, other.latent.latents)
                assert np.array_equal(frame.quantiser_map, other.quantiser_map)
                assert frame.references == other.references
                assert (frame.byte_share, frame.pts) == (other.byte_share, other.pts)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_picture_of_a_first_jump_is_that_of_decoding(
    preset: str, movies: dict[str, Path], pictures: dict[str, list[np.ndarray]]
) -> None:
    for index in range(FRAMES - 1, 0, -9):
        with VideoReader(movies[preset], **ALONE) as video:
            assert np.array_equal(video[index].data, pictures[preset][index])


@pytest.mark.parametrize("memory", [0, 400_000, 1 << 29])
@pytest.mark.parametrize("read_ahead", [False, True])
def test_jumps_in_any_order_give_the_frames(
    memory: int,
    read_ahead: bool,
    movies: dict[str, Path],
    pictures: dict[str, list[np.ndarray]],
) -> None:
    rng, settings = random.Random(memory), CPU | {"read_ahead": read_ahead}
    for preset in PRESETS:
        with VideoReader(movies[preset], memory_limit=memory, **settings) as video:
            for index in rng.sample(range(FRAMES), 12 if memory else 4):
                assert np.array_equal(video[index].data, pictures[preset][index])
            assert video.memory_peak <= memory


@pytest.mark.parametrize("read_ahead", [False, True])
def test_threads_that_jump_at_once_get_their_frames(
    read_ahead: bool, movies: dict[str, Path], pictures: dict[str, list[np.ndarray]]
) -> None:
    wrong: list[object] = []

    def jump(seed: int) -> None:
        try:
            for index in random.Random(seed).sample(range(FRAMES), 8):
                if not np.array_equal(video[index].data, pictures["medium"][index]):
                    wrong.append(index)
        except Exception as error:
            wrong.append(error)

    settings = {"device": "cpu", "threads": 3, "read_ahead": read_ahead}
    with VideoReader(movies["medium"], **settings) as video:
        threads = [threading.Thread(target=jump, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_jump_decodes_the_last_unit_alone(
    movies: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = UnitDecoder.decode

    def noted(self: UnitDecoder, unit: AccessUnit, size: int, **options: bool) -> object:
        decoded.append(self.frames_before)
        return decode(self, unit, size, **options)

    monkeypatch.setattr(UnitDecoder, "decode", noted)
    with opened(movies["medium"]) as make:
        source, index, _ = make()
        last, before = index.units[-1], index.units[-2]
        source.unit(last.number)
        assert decoded[0] == 0 and decoded[-1] == last.first_frame
        alone = {unit.first_frame for unit in index.units if unit.frame_count == 1}
        assert set(decoded) <= alone | {last.first_frame}  # the others have frames to leave out
        decoded.clear()
        source.unit(before.number)  # back, from a state
        assert decoded[-1] == before.first_frame and 0 not in decoded


def changed(rewrite: Callable[..., Path], movie: Path, units: set[int]) -> tuple[Path, list[range]]:
    """The movie with other checksums of latents in some units; the frames of all units."""

    def change(index: int, data: bytes) -> bytes:
        unit = AccessUnit.parse(data)
        other = replace(unit, latent_checksum=unit.latent_checksum ^ 1)
        return other.to_bytes() if index in units else data

    return rewrite(movie, change), [unit.frames for unit in StreamIndex(StreamReader(movie)).units]


def test_what_is_wrong_from_a_unit_on_is_traced_to_it(
    movies: dict[str, Path], rewrite: Callable[..., Path], pictures: dict[str, list[np.ndarray]]
) -> None:
    movie = movies["medium"]
    count = len(StreamIndex(StreamReader(movie)).units)
    path, frames = changed(rewrite, movie, set(range(2, count)))
    for conceal in (False, True):
        whole = (
            {one.index: one for one in decode_frames(path, conceal=True, **CPU)} if conceal else {}
        )
        with VideoReader(path, conceal=conceal, **ALONE) as video:
            for index in (FRAMES - 1, frames[2].start, frames[1].start, frames[-2].start, 0):
                if index < frames[2].start:
                    assert np.array_equal(video[index].data, pictures["medium"][index])
                elif conceal:
                    assert video[index].kind == whole[index].kind == "concealed"
                    assert np.array_equal(video[index].data, whole[index].data)
                else:
                    with pytest.raises(DamagedFrameError, match="access unit 2"):
                        video[index]
            assert video.index.units[1].damage is None


def test_what_is_wrong_in_a_unit_that_is_passed_over_is_found_when_it_is_asked_for(
    movies: dict[str, Path], rewrite: Callable[..., Path], pictures: dict[str, list[np.ndarray]]
) -> None:
    """The last unit's own checksum says that its frames are exact."""
    path, frames = changed(rewrite, movies["medium"], {1})
    with VideoReader(path, **ALONE) as video:
        assert len(frames[1]) > 1
        assert np.array_equal(video[FRAMES - 1].data, pictures["medium"][-1])
        with pytest.raises(DamagedFrameError, match="access unit 1"):
            video[frames[1].start]


def test_threads_that_meet_damage_at_once_agree(
    movies: dict[str, Path], rewrite: Callable[..., Path]
) -> None:
    count = len(StreamIndex(StreamReader(movies["medium"])).units)
    path, frames = changed(rewrite, movies["medium"], set(range(2, count)))
    found: list[str] = []

    def look(index: int) -> None:
        try:
            video.latent_frame(index)
            found.append(f"{index} is exact")
        except DamagedFrameError as error:
            found.append("access unit 2" if "access unit 2" in str(error) else str(error))

    with VideoReader(path, **ALONE) as video:
        threads = [
            threading.Thread(target=look, args=(index,), daemon=True)
            for index in (FRAMES - 1, frames[-2].start, frames[2].start)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert found == 3 * ["access unit 2"]


def test_states_of_what_is_passed_over_are_kept_every_sixteen_frames(
    movies: dict[str, Path],
) -> None:
    with opened(movies["medium"]) as make:
        source, index, cache = make()
        source.unit(index.units[-1].number)
        kept = [unit.first_frame for unit in index.units if cache.has(Kind.STATE, unit.number)]
        assert kept and max(np.diff([0, *kept])) <= 16 + 15
        assert index.units[-1].first_frame in kept
