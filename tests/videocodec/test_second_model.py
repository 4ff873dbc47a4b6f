"""Format version 2 and its model ``second``: whatever a user does with a file works."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bitstream.formats import FORMATS, motion_tables, state_parts
from bitstream.v1.tables import TablesError
from videocodec import VideoReader, decode, decode_frames, encode, info, verify
from videocodec.cli import main
from videocodec.decoder.latents import LatentStream
from videocodec.errors import ModelMismatchError
from videocodec.ladder.clips import prepare
from videocodec.ladder.codecs import EncodeTask, codec_named
from videocodec.models.bundle import ModelBundle
from videocodec.player.opening import DecodingOptions, opened_files
from videocodec.player.played import Settings
from videocodec.progress import Progress
from videocodec.provenance import PROVENANCE_NAMES

CPU = {"device": "cpu", "threads": 1}
FRAMES = 22


def command(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.mark.parametrize("is_frozen", [True, False])
def test_a_draft_of_the_format_is_called_one(
    is_frozen: bool,
    coded_movie,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(FORMATS, 2, replace(FORMATS[2], is_frozen=is_frozen))
    target = tmp_path / "a.lv.mp4"
    few = ("--max-frames", 3, "--threads", 1)
    assert command("encode", coded_movie.movie, target, "--model", "second", *few) == 0
    says = capsys.readouterr().err.splitlines()
    assert len(says) == (0 if is_frozen else 1)
    warning = "videocodec: warning: format version 2 is a draft: later versions"
    assert all(line.startswith(warning) for line in says)
    assert command("info", target) == 0
    expected = "version 2; lossy" if is_frozen else "version 2, a draft; lossy"
    assert expected in capsys.readouterr().out
    assert command("decode", target, tmp_path / "b.mkv", "--threads", 1) == 0
    assert command("verify", target) == 0


def test_it_is_what_encodes_where_none_is_named(coded_movie, tmp_path: Path) -> None:
    encode(coded_movie.movie, tmp_path / "a.lv.mp4", max_frames=1, **CPU)
    found = info(tmp_path / "a.lv.mp4", headers_only=True)
    assert (found.format_version, found.model["name"]) == (2, "second")


def test_the_model_before_writes_version_1(coded_movie) -> None:
    found = info(coded_movie.coded, headers_only=True)
    assert (found.format_version, found.model["name"]) == (1, "embedded")


@pytest.mark.parametrize("program", ["info", "verify", "decode"])
def test_a_program_of_version_1_says_what_it_lacks(
    program: str,
    second_movie,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("bitstream.sequence_header.NEWEST_VERSION", 1)
    monkeypatch.delitem(FORMATS, 2)
    target = [tmp_path / "out.mp4"] if program == "decode" else []
    assert command(program, second_movie.coded, *target) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(second_movie.coded) in line
    assert "newer version (format 2, this program reads 1): upgrade" in line
    assert not list(tmp_path.iterdir())


def test_info_names_version_and_model(second_movie, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("info", second_movie.coded, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format_version"], found["model"]["name"]) == (2, "second")
    assert found["model"]["sha256"] == ModelBundle.find("second").sha256
    assert found["specification"].startswith("bitstream/FORMAT-2.md")
    assert (found["frames"], found["keyframes"], found["audio_tracks"]) == (FRAMES, 3, 1)
    assert found["latent"]["channels"] == 48
    assert sum(found["provenance"].values()) == pytest.approx(1)


def test_pictures_come_back(second_movie, tmp_path: Path) -> None:
    errors = []
    for frame, rgb in zip(
        decode_frames(second_movie.coded, **CPU), second_movie.frames, strict=True
    ):
        errors.append(np.mean((frame.data.transpose(1, 2, 0).astype(float) - rgb) ** 2))
        assert frame.provenance.shape == (8, 12)
    assert 10 * np.log10(255**2 / np.mean(errors)) > 23  # noise, for the most part
    assert decode(second_movie.coded, tmp_path / "back.mkv", frames="3:9", **CPU).frames == 6


@pytest.mark.parametrize("limit", [0, 400_000])
def test_jumps_give_what_decoding_in_order_gives(second_movie, limit: int) -> None:
    in_order = list(decode_frames(second_movie.coded, **CPU))
    order = random.Random(0).sample(range(FRAMES), FRAMES)
    with VideoReader(second_movie.coded, memory_limit=limit, read_ahead=False, **CPU) as video:
        for index in order:
            assert np.array_equal(video[index].data, in_order[index].data)
            assert np.array_equal(video[index].provenance, in_order[index].provenance)


def test_kept_states_of_the_decoder_are_small(second_movie) -> None:
    """The tables, 29 MB in memory, are not in them."""
    with VideoReader(second_movie.coded, memory_limit=4 << 20, read_ahead=False, **CPU) as video:
        for index in range(FRAMES):
            video.latents[index]
        assert video.memory_used < 2 << 20


@pytest.mark.parametrize("threads", [1, 2])
def test_latents_do_not_depend_on_threads(
    second_movie, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitstream.latent_decoder.one_blas_thread", nullcontext)
    with threadpool_limits(threads, user_api="blas"):
        assert verify(second_movie.coded).ok


def test_the_bytes_do_not_depend_on_the_number_of_processes(coded_movie, tmp_path: Path) -> None:
    options = {"crf": 40, "gop_size": 3, "max_frames": 6, "model": "second", "device": "cpu"}
    for jobs in (1, 2):
        encode(coded_movie.movie, tmp_path / f"{jobs}.lv.mp4", jobs=jobs, **options)
    assert (tmp_path / "1.lv.mp4").read_bytes() == (tmp_path / "2.lv.mp4").read_bytes()


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast", "faster"])
def test_quick_presets_code_frames_of_motion_alone(
    preset: str,
    panned: Callable[..., list[np.ndarray]],
    write_movie: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """With the same bytes for any number of threads."""
    pictures = panned(10, 64, 96, (1, 2))
    source = write_movie(tmp_path / "source.mkv", pictures)
    for threads in (1, 2):
        target = tmp_path / f"{threads}.lv.mp4"
        encode(source, target, crf=30, preset=preset, device="cpu", threads=threads)
    assert (tmp_path / "1.lv.mp4").read_bytes() == (tmp_path / "2.lv.mp4").read_bytes()
    frames = list(decode_frames(tmp_path / "1.lv.mp4", **CPU))
    sent = [(frame.provenance == PROVENANCE_NAMES.index("transmitted")).any() for frame in frames]
    assert sent[0] and not all(sent)
    errors = [
        np.mean((frame.data.transpose(1, 2, 0).astype(float) - rgb) ** 2)
        for frame, rgb in zip(frames, pictures, strict=True)
    ]
    assert max(errors) < 4 * errors[0]


def test_a_bitrate_is_met(coded_movie, tmp_path: Path) -> None:
    target = tmp_path / "a.lv.mp4"
    report = encode(coded_movie.movie, target, bitrate=60_000, model="second", **CPU)
    assert report.passes > 1 and report.video_bitrate_bps == pytest.approx(60_000, rel=0.05)


def test_an_encode_shared_by_hand_makes_the_same_file(
    coded_movie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(FORMATS, 2, replace(FORMATS[2], is_frozen=False))
    plan, store, target = tmp_path / "plan.json", tmp_path / "store", tmp_path / "farm.mp4"
    settings = ("--model", "second", "--gop-size", 4, "--preset", "fast", "--max-frames", 8)
    assert command("plan", coded_movie.movie, plan, "--crf", 40, *settings) == 0
    assert command("encode-chunk", plan, "0:2", "--store", store, "--threads", 1) == 0
    assert command("merge", plan, target, "--store", store) == 0
    assert "format version 2 is a draft" in capsys.readouterr().err
    one = tmp_path / "one.mp4"
    assert command("encode", coded_movie.movie, one, "--crf", 40, *settings, "--threads", 1) == 0
    assert target.read_bytes() == one.read_bytes()


def test_an_interrupted_encode_goes_on(
    coded_movie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"crf": 40, "gop_size": 4, "max_frames": 8, "model": "second", **CPU}

    def interrupt(progress: Progress) -> None:
        if progress.frames_done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(coded_movie.movie, tmp_path / "a.lv.mp4", progress=interrupt, **options)
    encode(coded_movie.movie, tmp_path / "a.lv.mp4", resume=True, **options)
    encode(coded_movie.movie, tmp_path / "b.lv.mp4", **options)
    assert (tmp_path / "a.lv.mp4").read_bytes() == (tmp_path / "b.lv.mp4").read_bytes()


def test_lost_frames_are_concealed(second_movie, rewrite: Callable[..., Path]) -> None:
    def change(index: int, data: bytes) -> bytes:
        return data if index != 1 else data[:-9] + bytes([data[-9] ^ 0x10]) + data[-8:]

    damaged = rewrite(second_movie.coded, change)
    assert not verify(damaged).ok
    found = info(damaged)
    assert 0 < found.lost_frames < 10 and found.lost[0].method == "interpolated"
    kinds = [frame.kind for frame in decode_frames(damaged, conceal=True, **CPU)]
    assert kinds.count("concealed") == found.lost_frames and len(kinds) == FRAMES


def test_the_ladder_takes_the_model(coded_movie, tmp_path: Path) -> None:
    clip, codec = prepare(coded_movie.movie, tmp_path, max_frames=3), codec_named("videocodec")
    target = tmp_path / "a.mp4"
    done = codec.encode(EncodeTask(clip, 1.0, target, "crf", 44, "superfast", 250, 1, "second"))
    assert "--model=second" in done.command
    assert any("is a draft" in note for note in done.notes) != FORMATS[2].is_frozen
    assert len(list(codec.decode(target, clip, 1, "second"))) == 3


def test_the_player_shows_where_bits_went(second_movie) -> None:
    options, settings = DecodingOptions(device="cpu", threads=1), Settings()
    with opened_files([second_movie.coded], settings, options) as (played,):
        for index in (0, 7):
            details = played.details(index)
            bits = np.frombuffer(base64.b64decode(played.bits(index)["bits"]), "<f4")
            assert bits.sum() == pytest.approx(
                details["block_bits"] + details["level_bits"], abs=0.1
            )
            assert played.rgb(index, settings).shape == (64, 96, 3)


def test_a_model_of_the_other_version_cannot_be_forced(second_movie) -> None:
    with pytest.raises(
        ModelMismatchError, match="of format version 2, embedded .* is of version 1"
    ):
        LatentStream(second_movie.coded, "embedded", force_model=True)


def test_the_model_travels_with_the_file(
    coded_movie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.lv.mp4"
    encode(coded_movie.movie, target, model="second", embed_model=True, max_frames=2, **CPU)
    monkeypatch.setattr("videocodec.decoder.latents.available", lambda: ("embedded",))
    assert verify(target).ok


class TestTheBundle:
    def test_it_is_small_enough_to_ship(self) -> None:
        bundle = ModelBundle.find("second")
        assert sum(file.stat().st_size for _, file in bundle.files) <= 16_000_000

    def test_its_tables_are_of_version_2_with_inter_frames(self) -> None:
        tables = ModelBundle.find("second").tables
        assert (tables.format_version, tables.latent_channels) == (2, 48)
        assert len(state_parts(tables)) == 3
        with pytest.raises(TablesError, match="no filters that move latents"):
            motion_tables(tables)

    def test_its_card_names_its_identity(self) -> None:
        bundle = ModelBundle.find("second")
        card = (bundle.folder / "README.md").read_text("utf-8")
        assert bundle.sha256 in card
