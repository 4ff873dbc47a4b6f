"""Only what changed is made: the same pictures as all of it, within rounding, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame
from videocodec import VideoReader
from videocodec.decoded import DecodedLatents, FrameKind, step_maps
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.reuse import PictureReuse
from videocodec.errors import OutOfMemoryError
from videocodec.models.bundle import ModelBundle
from videocodec.models.picture_makers import FloatPictures
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.restoration.base import IdentityRestoration

ROWS, COLUMNS = 20, 96  # positions
HEIGHT, WIDTH = 8 * ROWS - 3, 8 * COLUMNS - 5


@pytest.fixture(scope="module", params=["embedded", "second"])
def runtime(request: pytest.FixtureRequest) -> AutoencoderRuntime:
    return AutoencoderRuntime(ModelBundle.find(request.param), "cpu", 1)


def frames(runtime: AutoencoderRuntime) -> Iterator[DecodedLatents]:
    """One that is like none before, the same again, one that differs in its left, one in quantisers
    at its right, both as they were, and all else.
    """
    generator = np.random.default_rng(0)
    channels = len(runtime.bundle.latent_scale)
    latents = generator.integers(-40, 40, (channels, ROWS, COLUMNS)).astype(np.int16)
    quantisers = np.full((ROWS, COLUMNS), 40, np.uint8)
    fields = BlockFields.blank(ROWS // 2, COLUMNS // 2, Mode.SKIP)

    def frame(index: int, latents: np.ndarray, quantisers: np.ndarray) -> DecodedLatents:
        made = LatentFrame(latents, fields, 40, 0.0, 0.0)
        return DecodedLatents(made, index, 1, FrameKind.INTER, 1.0, quantisers, index, (None, None))

    left, finer = latents.copy(), quantisers.copy()
    left[:, 5, 2:4] += 30
    finer[7, -3:] = 20
    other = generator.integers(-40, 40, latents.shape).astype(np.int16)
    for index, (shown, by) in enumerate(
        [(latents, quantisers)] * 2
        + [(left, quantisers), (left, finer), (latents, quantisers), (other, quantisers)]
    ):
        yield frame(index, shown, by)


def test_pictures_are_those_made_as_a_whole(runtime: AutoencoderRuntime) -> None:
    reuse, made = PictureReuse(FloatPictures(runtime), HEIGHT, WIDTH), []
    for frame in frames(runtime):
        before = reuse.positions_made
        picture = reuse.picture(frame)
        made.append((reuse.positions_made - before) / (ROWS * COLUMNS))
        whole = runtime.decode(frame.latent.latents[None], step_maps([frame]), HEIGHT, WIDTH)[0]
        difference = np.abs(picture.astype(int) - whole)
        assert difference.max() <= 1 and np.mean(difference > 0) < 1e-3
        picture[:] = 0  # what is handed out is the caller's own
    assert made[0] == 1 and made[1] == 0 and made[-1] == 1
    assert all(0 < share < 0.9 for share in made[2:4])
    assert reuse.positions == 6 * ROWS * COLUMNS


def test_a_picture_that_failed_half_way_spoils_none(
    runtime: AutoencoderRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    reuse, shown = PictureReuse(FloatPictures(runtime), HEIGHT, WIDTH), list(frames(runtime))
    first = reuse.picture(shown[0])

    def fail(*arguments: object) -> np.ndarray:
        raise OutOfMemoryError("none left")

    with monkeypatch.context() as patched:
        patched.setattr(runtime, "decode_part", fail)
        with pytest.raises(OutOfMemoryError):
            reuse.picture(shown[2])
    assert np.array_equal(reuse.picture(shown[0]), first)


def test_autoencoders_that_do_not_say_how_far_they_see_are_none_for_it() -> None:
    with pytest.raises(ValueError, match="reach"):
        PictureReuse(SimpleNamespace(reach=None), 8, 8)  # type: ignore[arg-type]


def test_decoding_and_reading_reuse_pictures_alike(coded_movie) -> None:
    stream = LatentStream(coded_movie.coded)
    making = PictureDecoder(stream, "cpu", 1)
    making.reuse = None
    whole = list(making.frames())
    decoder = PictureDecoder(stream, "cpu", 1)
    pictures = list(decoder.frames())
    assert decoder.reuse is not None and decoder.reuse.positions == len(whole) * 8 * 12
    with VideoReader(coded_movie.coded, device="cpu", threads=1, read_ahead=False) as reader:
        jumped = {number: reader[number] for number in (15, 3, 4, 21, 0)}
    for frame, again in zip(whole, pictures, strict=True):
        assert np.array_equal(frame.data, again.data)
        if frame.index in jumped:
            assert np.array_equal(frame.data, jumped[frame.index].data)


def test_restored_pictures_are_made_as_a_whole(coded_movie) -> None:
    decoder = PictureDecoder(LatentStream(coded_movie.coded), "cpu", 1)
    assert decoder.reuse is not None
    restoring = type("Restoring", (IdentityRestoration,), {})()
    assert PictureDecoder(LatentStream(coded_movie.coded), "cpu", 1, restoring).reuse is None
