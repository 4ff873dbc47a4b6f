"""``videocodec.info``: what a file says of itself, without any network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from bitstream.errors import ContainerError
from videocodec import PROVENANCE_NAMES, decode_frames, info
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.memory import decoding_memory
from videocodec.errors import UnknownModelError
from videocodec.models.bundle import BUNDLES, ModelBundle
from videocodec.progress import Progress

from .damage import flip

# These keys are relied on from outside.
PROMISED = set(
    [
        "width",
        "height",
        "frame_rate",
        "frames",
        "duration_seconds",
        "keyframes",
        "video_bytes",
        "container_bytes",
        "video_bitrate_bps",
        "format_version",
        "audio_tracks",
    ]
)


class TestInfo:
    def test_it_has_every_promised_key_with_plain_values(self, coded_movie) -> None:
        told = info(coded_movie.coded).to_dict()
        assert set(told) >= PROMISED
        assert {"name", "sha256"} <= set(told["model"])
        assert json.loads(json.dumps(told)) == told

    def test_memory_is_told_for_packaged_models_alone(self, coded_movie, monkeypatch) -> None:
        header = LatentStream(coded_movie.coded).header
        told = info(coded_movie.coded, headers_only=True)
        assert told.decoding_memory_bytes == decoding_memory(header)
        monkeypatch.setattr("videocodec.inspection.memory.BUNDLES", Path("elsewhere"))
        assert info(coded_movie.coded, headers_only=True).decoding_memory_bytes is None

    def test_its_values_are_those_of_the_movie(self, coded_movie) -> None:
        told = info(coded_movie.coded)
        assert (told.width, told.height, told.frame_rate, told.frames, told.keyframes) == (
            96,
            64,
            25.0,
            22,
            3,
        )
        assert told.duration_seconds == pytest.approx(22 / 25)
        assert (told.crf, told.gop_size, told.preset) == (
            coded_movie.crf,
            coded_movie.gop_size,
            "medium",
        )
        assert (told.format_version, told.rotation, told.lossy, told.audio_tracks) == (
            1,
            0,
            True,
            1,
        )
        assert told.model == {"name": "embedded", "sha256": ModelBundle.find("embedded").sha256}
        assert told.latent == {
            "channels": ModelBundle.find("embedded").tables.latent_channels,
            "width": 12,
            "height": 8,
            "pixels_per_position": 8,
        }

    def test_bytes_are_those_of_the_coded_video_alone_and_of_the_file_without_sound(
        self, coded_movie
    ) -> None:
        told = info(coded_movie.coded)
        assert told.video_bytes == sum(
            unit.size for unit in StreamReader(coded_movie.coded).index()
        )
        assert told.video_bytes < told.container_bytes < coded_movie.coded.stat().st_size
        assert told.video_bitrate_bps == pytest.approx(told.video_bytes * 8 / told.duration_seconds)
        assert len(told.tracks) == told.audio_tracks

    def test_what_is_no_latent_video_file_is_named(self, coded_movie, tmp_path: Path) -> None:
        with pytest.raises(ContainerError, match="ordinary video"):
            info(coded_movie.movie)
        with pytest.raises(ContainerError, match="missing.mp4"):
            info(tmp_path / "missing.mp4")

    def test_an_unknown_model_does_not_matter(self, coded_movie, rewrite) -> None:
        def foreign(index: int, data: bytes) -> bytes:
            unit = AccessUnit.parse(data)
            return (
                data
                if unit.header is None
                else replace(
                    unit, header=replace(unit.header, model_name="other", model_sha256="ab" * 32)
                ).to_bytes()
            )

        told = info(rewrite(coded_movie.coded, foreign))
        assert told.model == {"name": "other", "sha256": "ab" * 32}
        assert (told.frames, told.damage, told.provenance, told.provenance_by_kind) == (
            22,
            None,
            None,
            None,
        )
        assert told.provenance_unavailable.startswith(
            "stream needs model other abababababababab…, which is unknown here"
        )

    @pytest.mark.parametrize("headers_only", [False, True])
    @pytest.mark.parametrize("victim", [0, 2])
    def test_a_damaged_unit_leaves_what_headers_say_and_a_line_that_names_it(
        self, coded_movie, rewrite, victim: int, headers_only: bool
    ) -> None:
        damaged = rewrite(
            coded_movie.coded,
            lambda index, data: flip(-9 % len(data))(data) if index == victim else data,
        )
        told, sound = info(damaged, headers_only=headers_only), info(coded_movie.coded)
        assert told.damage.startswith(f"access unit {victim}: it is damaged")
        assert told.damage.endswith("videocodec verify lists all that is wrong")
        assert (
            told.lost_frames
            == (10 if victim == 0 else 5)
            == sum(run.last + 1 - run.first for run in told.lost)
        )
        if headers_only:
            assert told.provenance is None
        else:
            assert (
                told.provenance["concealed"] == told.lost_frames / 22
                and told.provenance_by_kind["concealed"]["concealed"] == 1
            )
        for name in [
            "width",
            "height",
            "frames",
            "keyframes",
            "access_units",
            "duration_seconds",
            "video_bytes",
            "model",
        ]:
            assert getattr(told, name) == getattr(sound, name), name

    def test_latents_that_come_out_wrong_are_lost_too(self, coded_movie, rewrite) -> None:
        def lie(index: int, data: bytes) -> bytes:
            unit = AccessUnit.parse(data)
            return (
                replace(unit, latent_checksum=unit.latent_checksum ^ 1).to_bytes()
                if index == 1
                else data
            )

        told = info(rewrite(coded_movie.coded, lie))
        assert told.damage.startswith("access unit 1: reconstructed latents differ")
        assert told.lost_frames == 9 and told.provenance["concealed"] == 9 / 22

    def test_a_file_cut_short_tells_of_what_is_there(self, coded_movie, tmp_path: Path) -> None:
        cut = tmp_path / "cut.lv.mp4"
        cut.write_bytes(coded_movie.coded.read_bytes()[:-3000])
        told = info(cut)
        assert told.damage.startswith("the file is cut short")
        assert told.width == 96 and 0 < told.frames <= 22 and told.provenance["concealed"] == 0


class TestProvenanceShares:
    def test_they_are_those_of_the_maps_of_all_frames(self, coded_movie) -> None:
        frames = list(decode_frames(coded_movie.coded, device="cpu", threads=1))
        told = info(coded_movie.coded)
        for kind, found in (("all", told.provenance), *told.provenance_by_kind.items()):
            maps = np.stack([frame.provenance for frame in frames if kind in ("all", frame.kind)])
            assert found == {
                name: pytest.approx(np.mean(maps == index))
                for index, name in enumerate(PROVENANCE_NAMES)
            }
        assert told.provenance_by_kind["keyframe"] == {
            "transmitted": 1,
            "predicted": 0,
            "generated": 0,
            "concealed": 0,
        }
        assert 0 < told.provenance_by_kind["inter"]["predicted"] < 1
        assert told.provenance_unavailable is None and told.damage is None

    def test_what_is_made_up_is_counted_by_the_visible_picture(self, generated_movie: Path) -> None:
        maps = np.stack(
            [frame.provenance for frame in decode_frames(generated_movie, device="cpu", threads=1)]
        )
        told = info(generated_movie)
        assert told.generated_content
        assert told.provenance["generated"] == pytest.approx(
            np.mean(maps == PROVENANCE_NAMES.index("generated"))
        )
        assert told.provenance["generated"] > 0

    def test_headers_alone_do_without_them(
        self, coded_movie, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            LatentStream, "frames", lambda self: pytest.fail("latents were decoded")
        )
        told = info(coded_movie.coded, headers_only=True)
        assert (told.frames, told.damage, told.provenance, told.provenance_by_kind) == (
            22,
            None,
            None,
            None,
        )
        assert told.provenance_unavailable == "only the headers were read"

    def test_progress_is_told_frame_by_frame(self, coded_movie) -> None:
        told: list[Progress] = []
        found = info(coded_movie.coded, progress=told.append)
        assert [(now.frames_done, now.frames_total) for now in told] == [
            (index, 22) for index in range(1, 23)
        ]
        assert told[-1].video_bytes == pytest.approx(found.video_bytes, rel=0.02)

    def test_a_model_that_is_not_installed_can_be_given(
        self, coded_movie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("videocodec.decoder.latents.available", lambda: ())
        assert info(coded_movie.coded).provenance is None
        assert info(coded_movie.coded, model=BUNDLES / "embedded").provenance is not None
        with pytest.raises(UnknownModelError, match="nonesuch"):
            info(coded_movie.coded, model="nonesuch")
