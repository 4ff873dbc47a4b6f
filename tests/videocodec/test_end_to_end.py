"""A real movie goes in, a latent-video file comes out, and a movie comes back: what every user
relies on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from videocodec import decode, decode_frames, encode, info, verify
from videocodec.media.source import VideoSource
from videocodec.models.bundle import BUNDLES

ROOT = BUNDLES.parents[1]
CPU = {"device": "cpu", "threads": 1}


def psnr(coded: Path, frames: list[np.ndarray]) -> float:
    """Of the decoded frames against the pictures, dB."""
    errors = [
        np.mean((frame.data.transpose(1, 2, 0).astype(float) - rgb) ** 2)
        for frame, rgb in zip(decode_frames(coded, **CPU), frames, strict=True)
    ]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def sound_packets(path: Path) -> list[tuple[bytes, Fraction, Fraction]]:
    """Payload, time and duration of every audio packet."""
    with av.open(str(path)) as container:
        packets = [
            packet
            for packet in container.demux(container.streams.audio[0])
            if packet.dts is not None
        ]
        return [
            (bytes(packet), packet.pts * packet.time_base, packet.duration * packet.time_base)
            for packet in packets
        ]


class TestFramesAndTimes:
    @pytest.mark.parametrize(
        "size",
        [(96, 64), (97, 61), (61, 97), (16, 16), (15, 1), (2, 30)],
        ids=lambda size: f"{size[0]}x{size[1]}",
    )
    def test_any_size_comes_back_as_it_was(
        self, tmp_path: Path, write_movie, panned, size: tuple[int, int]
    ) -> None:
        movie = write_movie(tmp_path / "movie.mkv", panned(5, size[1], size[0], (0, 1)))
        report = encode(movie, tmp_path / "movie.lv.mp4", **CPU)
        assert (report.width, report.height, report.frames) == (*size, 5)
        assert decode(tmp_path / "movie.lv.mp4", tmp_path / "back.mkv", **CPU).frames == 5
        with VideoSource(tmp_path / "back.mkv") as back:
            assert (back.width, back.height) == size
            assert [frame.rgb.shape for frame in back] == [(size[1], size[0], 3)] * 5

    def test_uneven_timestamps_survive_both_ways(self, tmp_path: Path, write_movie, panned) -> None:
        pts = [0, 40, 45, 300, 333, 1000, 1001, 1500]
        movie = write_movie(
            tmp_path / "movie.mkv",
            panned(len(pts), 48, 64, (1, 0)),
            pts=pts,
            time_base=Fraction(1, 1000),
        )
        encode(movie, tmp_path / "movie.lv.mp4", **CPU)
        assert [
            frame.pts_seconds for frame in decode_frames(tmp_path / "movie.lv.mp4", **CPU)
        ] == pytest.approx([time / 1000 for time in pts])
        decode(tmp_path / "movie.lv.mp4", tmp_path / "back.mp4", **CPU)
        with VideoSource(tmp_path / "back.mp4") as back:
            assert [float(frame.pts * back.time_base) for frame in back] == pytest.approx(
                [time / 1000 for time in pts]
            )

    def test_a_still_picture_is_one_keyframe(self, tmp_path: Path, texture) -> None:
        cv2.imwrite(str(tmp_path / "still.png"), texture(50, 70, 1))
        report = encode(tmp_path / "still.png", tmp_path / "still.lv.mp4", **CPU)
        assert (report.frames, report.keyframes, report.width, report.height) == (1, 1, 70, 50)
        decode(tmp_path / "still.lv.mp4", tmp_path / "back%d.png", **CPU)
        assert cv2.imread(str(tmp_path / "back1.png")).shape == (50, 70, 3)

    def test_a_cut_makes_a_keyframe_where_it_is(self, tmp_path: Path, write_movie, panned) -> None:
        movie = write_movie(
            tmp_path / "movie.mp4",
            panned(10, 64, 96, (0, 1), seed=1) + panned(8, 64, 96, (1, 0), seed=2),
        )
        encode(movie, tmp_path / "movie.lv.mp4", **CPU)
        assert [
            frame.index
            for frame in decode_frames(tmp_path / "movie.lv.mp4", **CPU)
            if frame.kind == "keyframe"
        ] == [0, 10]

    def test_max_frames_is_where_video_and_sound_end(self, tmp_path: Path, coded_movie) -> None:
        encode(coded_movie.movie, tmp_path / "part.lv.mp4", max_frames=5, **CPU)
        assert info(tmp_path / "part.lv.mp4").frames == 5
        last = sound_packets(tmp_path / "part.lv.mp4")[-1]
        assert last[1] < Fraction(5, 25)


class TestSound:
    def test_packets_are_identical_in_the_stream_and_in_what_is_decoded_from_it(
        self, tmp_path: Path, coded_movie
    ) -> None:
        wanted = sound_packets(coded_movie.movie)
        assert len(wanted) > 30
        assert sound_packets(coded_movie.coded) == wanted
        for name in ("back.mp4", "back.mkv"):
            decode(coded_movie.coded, tmp_path / name, **CPU)
            found = sound_packets(tmp_path / name)
            assert [packet[0] for packet in found] == [packet[0] for packet in wanted]
            # Matroska counts milliseconds.
            assert [float(packet[1]) for packet in found] == pytest.approx(
                [float(packet[1]) for packet in wanted], abs=0.0006
            )

    def test_a_silent_movie_stays_silent(self, tmp_path: Path, write_movie, panned) -> None:
        encode(
            write_movie(tmp_path / "movie.mp4", panned(3, 32, 48, (0, 1))),
            tmp_path / "movie.lv.mp4",
            **CPU,
        )
        assert info(tmp_path / "movie.lv.mp4").audio_tracks == 0


class TestExactness:
    def test_the_same_encode_twice_gives_the_same_bytes(self, tmp_path: Path, coded_movie) -> None:
        encode(
            coded_movie.movie,
            tmp_path / "again.lv.mp4",
            crf=coded_movie.crf,
            gop_size=coded_movie.gop_size,
            model="embedded",
            **CPU,
        )
        assert (tmp_path / "again.lv.mp4").read_bytes() == coded_movie.coded.read_bytes()

    @pytest.mark.parametrize("threads", ["1", "2"])
    def test_another_process_with_any_number_of_threads_decodes_the_same_latents(
        self, coded_movie, threads: str
    ) -> None:
        """The encoder wrote checksums of its own reconstruction; the other process makes its own
        from the bytes alone.
        """
        program = (
            "import json, sys, zlib, videocodec\n"
            "assert videocodec.verify(sys.argv[1]).problems == []\n"
            "from videocodec.decoder.latents import LatentStream\n"
            "frames = [frame.latent.latents for frame in LatentStream(sys.argv[1]).frames()]\n"
            "print(json.dumps([zlib.crc32(z.astype('<i2').tobytes()) for z in frames]))\n"
        )
        environment = (
            os.environ
            | {"PYTHONPATH": str(ROOT)}
            | {
                name: threads
                for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
            }
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, str(coded_movie.coded)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout) == self.checksums(coded_movie.coded)

    @staticmethod
    def checksums(coded: Path) -> list[int]:
        """CRC-32 of every frame's latents, decoded in this process."""
        import zlib

        from videocodec.decoder.latents import LatentStream

        return [
            zlib.crc32(frame.latent.latents.astype("<i2").tobytes())
            for frame in LatentStream(coded).frames()
        ]

    def test_every_unit_carries_the_checksum_of_its_latents(self, coded_movie) -> None:
        import zlib

        from videocodec.decoder.latents import LatentStream

        frames = iter(LatentStream(coded_movie.coded).frames())
        for sample in StreamReader(coded_movie.coded).units():
            unit, crc = AccessUnit.parse(sample.data), 0
            for _ in range(unit.frame_count):
                crc = zlib.crc32(next(frames).latent.latents.astype("<i2").tobytes(), crc)
            assert unit.latent_checksum == crc


class TestRateAndQuality:
    def test_bytes_and_quality_fall_as_crf_rises(self, tmp_path: Path, write_movie, panned) -> None:
        frames = panned(10, 64, 96, (1, 2), seed=5)
        movie = write_movie(tmp_path / "movie.mp4", frames)
        sizes, qualities = [], []
        for crf in (12, 26, 40):
            sizes.append(encode(movie, tmp_path / f"{crf}.lv.mp4", crf=crf, **CPU).video_bytes)
            qualities.append(psnr(tmp_path / f"{crf}.lv.mp4", frames))
        assert sizes[0] > 1.3 * sizes[1] > 1.3 * 1.3 * sizes[2]
        assert qualities[0] > qualities[1] + 0.3 > qualities[2] + 0.6
        assert qualities[0] > 22

    def test_a_static_clip_costs_little_more_than_its_keyframe(
        self, tmp_path: Path, write_movie, texture
    ) -> None:
        movie = write_movie(tmp_path / "movie.mp4", [texture(64, 96, 3)] * 17)
        encode(movie, tmp_path / "movie.lv.mp4", **CPU)
        key, *rest = (unit.size for unit in StreamReader(tmp_path / "movie.lv.mp4").index())
        assert sum(rest) < 0.5 * key

    @pytest.mark.parametrize("preset", ["ultrafast", "fast", "slow"])
    def test_every_preset_makes_a_sound_stream(
        self, tmp_path: Path, write_movie, panned, preset: str
    ) -> None:
        movie = write_movie(tmp_path / "movie.mp4", panned(7, 32, 48, (1, 1)))
        encode(movie, tmp_path / "movie.lv.mp4", preset=preset, **CPU)
        assert verify(tmp_path / "movie.lv.mp4").ok
        assert info(tmp_path / "movie.lv.mp4").preset == preset

    def test_wild_content_is_coded_soundly(self, tmp_path: Path, write_movie) -> None:
        """Noise, black, white and cuts in every frame: nothing overflows, checksums hold."""
        rng = np.random.default_rng(0)
        frames = [
            rng.integers(0, 256, (32, 48, 3), dtype=np.uint8),
            np.zeros((32, 48, 3), np.uint8),
            np.full((32, 48, 3), 255, np.uint8),
        ] * 4
        movie = write_movie(tmp_path / "movie.mp4", frames)
        for crf in (0, 63):
            encode(movie, tmp_path / "movie.lv.mp4", crf=crf, overwrite=True, **CPU)
            assert verify(tmp_path / "movie.lv.mp4").problems == []


def test_rotation_and_colour_tags_survive(tmp_path: Path, panned) -> None:
    with av.open(str(tmp_path / "movie.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=48, height=32, pix_fmt="yuv420p")
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = (
            1,
            1,
            1,
            1,
        )
        stream.set_display_rotation(90)
        for index, rgb in enumerate(panned(3, 32, 48, (0, 1))):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=1
            )
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    encode(tmp_path / "movie.mp4", tmp_path / "movie.lv.mp4", **CPU)
    decode(tmp_path / "movie.lv.mp4", tmp_path / "back.mp4", **CPU)
    with VideoSource(tmp_path / "movie.mp4") as source, VideoSource(tmp_path / "back.mp4") as back:
        assert (back.rotation, back.colour) == (source.rotation, source.colour)
        assert back.rotation == 90
