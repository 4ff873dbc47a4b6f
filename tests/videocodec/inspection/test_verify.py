"""``videocodec.verify``: every checksum, without any network."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from bitstream.errors import ContainerError, UnsupportedVersionError
from videocodec import info, verify
from videocodec.errors import ModelMismatchError, UnknownModelError
from videocodec.models.bundle import BUNDLES
from videocodec.progress import Progress

from .damage import flip


def test_a_sound_file_has_no_problems(coded_movie) -> None:
    told: list[Progress] = []
    report = verify(coded_movie.coded, progress=told.append)
    assert (report.ok, report.problems, report.frames) == (True, [], 22)
    assert report.access_units == len(StreamReader(coded_movie.coded).index())
    assert told[-1].frames_done == 22
    assert told[-1].video_bytes == info(coded_movie.coded).video_bytes


@pytest.mark.parametrize("place", [40, -3])
def test_a_flipped_bit_is_reported_and_verification_goes_on_at_the_next_keyframe(
    coded_movie, rewrite, place: int
) -> None:
    units = [AccessUnit.parse(sample.data) for sample in StreamReader(coded_movie.coded).units()]
    keys = [index for index, unit in enumerate(units) if unit.is_keyframe]
    victim = keys[1]
    damaged = rewrite(
        coded_movie.coded,
        lambda index, data: flip(place % len(data))(data) if index == victim else data,
    )
    report = verify(damaged)
    assert not report.ok
    assert report.problems[0].startswith(f"access unit {victim}: it is damaged")
    # those that live on the damaged keyframe cannot be decoded either
    assert len(report.problems) == keys[2] - keys[1]
    assert all("needs the keyframe before it" in problem for problem in report.problems[1:])
    assert report.frames == sum(unit.frame_count for unit in units[: keys[1]] + units[keys[2] :])
    assert report.access_units == len(units) - len(report.problems)


def test_damage_in_the_first_unit_is_reported_too(coded_movie, rewrite) -> None:
    report = verify(
        rewrite(
            coded_movie.coded,
            lambda index, data: flip(len(data) - 9)(data) if index == 0 else data,
        )
    )
    assert report.problems[0].startswith("access unit 0: it is damaged")
    assert report.frames == 12


def test_wrong_latents_are_reported_though_every_byte_arrived(coded_movie, rewrite) -> None:
    def lie(index: int, data: bytes) -> bytes:
        unit = AccessUnit.parse(data)
        return (
            replace(unit, latent_checksum=unit.latent_checksum ^ 1).to_bytes()
            if index == 1
            else data
        )

    assert (
        "access unit 1: reconstructed latents differ"
        in verify(rewrite(coded_movie.coded, lie)).problems[0]
    )


def test_a_file_cut_short_is_reported(coded_movie, tmp_path: Path) -> None:
    cut = tmp_path / "cut.lv.mp4"
    data = coded_movie.coded.read_bytes()
    cut.write_bytes(data[: len(data) - 3000])
    report = verify(cut)
    assert not report.ok
    assert report.problems[-1].startswith("the file is cut short")


def test_a_change_of_size_is_refused_by_all_alike(coded_movie, rewrite) -> None:
    def grow(index: int, data: bytes) -> bytes:
        unit = AccessUnit.parse(data)
        return (
            data
            if index == 0 or unit.header is None
            else replace(unit, header=replace(unit.header, width=31)).to_bytes()
        )

    changed = rewrite(coded_movie.coded, grow)
    assert "width changes" in verify(changed).problems[0]
    with pytest.raises(ContainerError, match="width changes"):
        info(changed)


@pytest.mark.parametrize("place", [5, 60])
def test_a_flipped_bit_in_the_first_header_is_damage_and_no_other_version_or_model(
    coded_movie, rewrite, place: int
) -> None:
    """Nor does it keep anyone from what comes after: other keyframes say the same."""
    report = verify(
        rewrite(coded_movie.coded, lambda index, data: flip(place)(data) if index == 0 else data)
    )
    assert report.problems[0].startswith("access unit 0: it is damaged") and report.frames == 12


@pytest.mark.parametrize("place", [5, 60])
def test_without_any_header_that_is_whole_nothing_can_be_verified(
    coded_movie, rewrite, place: int
) -> None:
    with pytest.raises(ContainerError, match="changed.lv.mp4: the first access unit is damaged"):
        verify(rewrite(coded_movie.coded, lambda index, data: flip(place)(data)))


def test_there_must_be_something_to_verify_with(coded_movie, rewrite) -> None:
    def other_model(index: int, data: bytes) -> bytes:
        unit = AccessUnit.parse(data)
        return (
            data
            if unit.header is None
            else replace(unit, header=replace(unit.header, model_sha256="ab" * 32)).to_bytes()
        )

    def newer(index: int, data: bytes) -> bytes:
        changed = data[:5] + b"\x63" + data[6:-4]
        return changed + zlib.crc32(changed).to_bytes(4, "big") if data[1:5] == b"LVID" else data

    with pytest.raises(ModelMismatchError, match="abababababababab"):
        verify(rewrite(coded_movie.coded, other_model))
    with pytest.raises(UnsupportedVersionError, match="newer version"):
        verify(rewrite(coded_movie.coded, newer))
    with pytest.raises(UnknownModelError, match="nonesuch"):
        verify(coded_movie.coded, model="nonesuch")


def test_a_bundle_can_be_given_by_folder(coded_movie) -> None:
    assert verify(coded_movie.coded, model=BUNDLES / "embedded").ok


def test_info_and_verify_need_no_torch(coded_movie) -> None:
    program = (
        "import sys; sys.modules['torch'] = None; sys.modules['diffusers'] = None\n"
        "import videocodec\n"
        "found = videocodec.info(sys.argv[1])\n"
        "assert found.frames == 22 and found.provenance['predicted'] > 0\n"
        "assert videocodec.verify(sys.argv[1]).ok\n"
    )
    environment = os.environ | {"PYTHONPATH": str(BUNDLES.parents[1])}
    ran = subprocess.run(
        [sys.executable, "-c", program, str(coded_movie.coded)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
