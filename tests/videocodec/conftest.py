"""A linear stand-in for an autoencoder, with codec tables to match, and one movie encoded with the
embedded model.

The linear codec keeps the four lowest frequencies of the luma of every 8×8 block.  It needs no
trained weights, so tests of the encoder's decisions state what must hold for any model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.context_model import INTER, INTRA, LEVEL_SYMBOLS, LEVEL_TABLES
from bitstream.v1.tables import CodecTables

SLICES = (1, 1, 2)
CRF = 32


class LinearCodec:
    """Latents (4, H/8, W/8) of a picture: its luma in [-1, 1] against the products of the two
    lowest cosines of 8 points.
    """

    def __init__(self) -> None:
        from videocodec.calibration.context_networks import (
            logistic_tables,
            to_frequencies,
            to_integers,
        )
        from videocodec.calibration.intra import uniform_priors
        from videocodec.calibration.phase_filters import fit_phase_filters
        from videocodec.networks.context import ContextModel

        self._smooth_pictures = [_smooth(96, 96, seed) for seed in range(4)]
        networks = {}
        for kind in (INTRA, INTER):
            model = ContextModel(SLICES, hidden=4, inter=kind == INTER)
            for parameter in model.parameters():
                parameter.data.zero_()  # mean 0, scale 1 everywhere
            networks[kind] = to_integers(model, kind)
        priors = to_frequencies(np.zeros((LEVEL_TABLES, LEVEL_SYMBOLS)), logistic_tables(), 1.0)
        filters, _ = fit_phase_filters(self.latents, self._smooth_pictures, noise=0.001)
        self.tables = CodecTables(
            sum(SLICES), SLICES, networks, {INTRA: priors, INTER: priors}, uniform_priors(), filters
        )
        self.bundle = SimpleNamespace(
            tables=self.tables,
            name="linear",
            sha256="11" * 32,
            sensitivity=np.ones(4, np.float32),
            certainty_strength=0.0,
            has_unet=False,
        )  # as much of a ModelBundle as encoding needs

    @staticmethod
    def latents(picture: np.ndarray) -> np.ndarray:
        """One picture (H, W, 3) uint8, sides multiples of 8 → (4, H/8, W/8) float32."""
        luma = picture.astype(np.float64) @ [0.299, 0.587, 0.114] / 127.5 - 1
        height, width = luma.shape
        cosines = np.stack([np.full(8, 8**-0.5), np.cos((np.arange(8) + 0.5) * np.pi / 8) / 2])
        blocks = luma.reshape(height // 8, 8, width // 8, 8)
        return (
            np.einsum("ui,vj,yixj->uvyx", cosines, cosines, blocks)
            .reshape(4, height // 8, width // 8)
            .astype(np.float32)
        )

    def encode(self, pictures: np.ndarray, height: int, width: int) -> np.ndarray:
        """As ``AutoencoderRuntime.encode``."""
        padded = np.pad(
            pictures,
            ((0, 0), (0, height - pictures.shape[1]), (0, width - pictures.shape[2]), (0, 0)),
            mode="edge",
        )
        return np.stack([self.latents(picture) for picture in padded])

    def header(self, width: int, height: int) -> SequenceHeader:
        """Of a stream of this codec."""
        return SequenceHeader(
            format_version=1,
            width=width,
            height=height,
            time_base=Fraction(1, 25),
            latent_channels=4,
            crf=CRF,
            gop_size=250,
            preset=0,
            model_name="linear",
            model_sha256="11" * 32,
        )


def _smooth(height: int, width: int, seed: int) -> np.ndarray:
    import cv2

    noise = cv2.GaussianBlur(
        np.random.default_rng(seed).standard_normal((height, width)).astype(np.float32), (0, 0), 6
    )
    return np.repeat(
        np.clip(128 + 40 * noise / max(noise.std(), 1e-3), 0, 255).astype(np.uint8)[..., None],
        3,
        axis=2,
    )


@pytest.fixture(scope="session")
def linear_codec() -> LinearCodec:
    """The linear codec, fitted once."""
    return LinearCodec()


@pytest.fixture(scope="session")
def smooth() -> Callable[[int, int, int], np.ndarray]:
    """smooth(height, width, seed) → a grey picture without detail finer than a block, which the
    linear codec sees whole.
    """
    return _smooth


@dataclass(frozen=True)
class CodedMovie:
    """A movie of ``frames`` RGB pictures and its latent-video file.  Tests must not change
    either.
    """

    movie: Path
    coded: Path
    frames: list[np.ndarray]
    crf: int
    gop_size: int


@pytest.fixture(scope="session")
def coded_movie(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list[np.ndarray]],
) -> CodedMovie:
    """22 frames of 96×64, a slow pan with sound, a keyframe every 10 frames, encoded with the
    embedded model.
    """
    from videocodec import encode

    folder = tmp_path_factory.mktemp("coded")
    frames = panned(22, 64, 96, (1, 2))
    movie = write_movie(folder / "pan.mp4", frames, sound_seconds=0.9)
    encode(
        movie,
        folder / "pan.lv.mp4",
        crf=CRF,
        gop_size=10,
        threads=1,
        device="cpu",
        model="embedded",
    )
    return CodedMovie(movie, folder / "pan.lv.mp4", frames, CRF, 10)


@pytest.fixture(scope="session")
def second_movie(coded_movie: CodedMovie, tmp_path_factory: pytest.TempPathFactory) -> CodedMovie:
    """``coded_movie`` in format version 2."""
    from videocodec import encode

    coded = tmp_path_factory.mktemp("second") / "pan.lv.mp4"
    encode(coded_movie.movie, coded, crf=CRF, gop_size=10, model="second", threads=1, device="cpu")
    return replace(coded_movie, coded=coded)


@pytest.fixture(scope="session")
def generated_movie(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list],
) -> Path:
    """A latent-video file of 5 frames of 100×60, some of whose blocks are left to generation."""
    from videocodec import encode

    folder = tmp_path_factory.mktemp("generated")
    still, moved = panned(1, 60, 100, (0, 0), seed=3), panned(4, 60, 100, (9, 13), seed=4)
    for frame in moved:
        frame[:, :40] = still[0][:, :40]
    encode(
        write_movie(folder / "a.mp4", still + moved),
        folder / "a.lv.mp4",
        crf=40,
        generation=0.0,
        preset="veryfast",
        threads=1,
        device="cpu",
        model="embedded",
    )
    return folder / "a.lv.mp4"


@pytest.fixture
def rewrite(tmp_path: Path) -> Callable[..., Path]:
    """rewrite(coded, change) → a copy of a latent-video file whose access units went through
    ``change(index, bytes)``.
    """
    from bitstream.container import StreamReader, StreamWriter

    def write(
        coded: Path, change: Callable[[int, bytes], bytes], name: str = "changed.lv.mp4"
    ) -> Path:
        reader, target = StreamReader(coded), tmp_path / name
        with StreamWriter(target, reader.header.time_base) as writer:
            for sample in reader.units():
                writer.write(change(sample.index, sample.data), sample.pts, sample.duration)
            writer.commit()
        return target

    return write
