"""Decoded files say what they are, in every format, and are read as before."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from videocodec.media.disclosure import DIGITAL_SOURCE_TYPE, Disclosure
from videocodec.media.sinks import open_sink
from videocodec.version import __version__

from .conftest import picture

GENERATIVE = Disclosure(True, "embedded", "0123456789abcdef" * 4, steps=3, seed=7)
PLAIN = Disclosure(False, "embedded", "0123456789abcdef" * 4)


def write(target: Path, header, disclosure: Disclosure | None) -> None:
    with open_sink(target, header, disclosure=disclosure) as sink:
        for index in range(3):
            sink.write(picture(header.width, header.height, index), index, 1)
        sink.commit()


def tags(path: Path) -> dict[str, str]:
    """What FFmpeg finds, names in lower case: of a picture it is with the frame, of a video with
    the file.
    """
    with av.open(str(path)) as container:
        found = dict(container.metadata) | dict(next(container.decode(video=0)).metadata)
    return {name.lower(): value for name, value in found.items()}


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Type and content of every chunk, checksums compared."""
    found, position = [], 8
    while position < len(png):
        (size,) = struct.unpack(">I", png[position : position + 4])
        body, crc = (
            png[position + 4 : position + 8 + size],
            png[position + 8 + size : position + 12 + size],
        )
        assert crc == struct.pack(">I", zlib.crc32(body))
        found.append((body[:4], body[4:]))
        position += 12 + size
    return found


class TestSentence:
    def test_a_generative_reconstruction_says_so_in_words_and_by_the_standard_term(self) -> None:
        assert (
            GENERATIVE.sentence
            == f"AI-reconstructed ({DIGITAL_SOURCE_TYPE}): decoded by videocodec {__version__} from"
            " a lossy generative reconstruction (model embedded 0123456789abcdef, restoration"
            " steps 3, seed 7)"
        )
        assert (
            DIGITAL_SOURCE_TYPE
            == "https://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
        )

    def test_what_is_none_does_not_claim_to_be_one(self) -> None:
        assert (
            PLAIN.sentence
            == f"Decoded by videocodec {__version__} from a lossy neural reconstruction (model"
            " embedded 0123456789abcdef, no restoration)"
        )

    @pytest.mark.parametrize(
        ("flagged", "steps", "generative"),
        [(False, None, False), (True, None, True), (True, 2, True), (False, 2, True)],
    )
    def test_the_stream_decides_and_a_restoration_that_ran(
        self, make_header, flagged: bool, steps: int | None, generative: bool
    ) -> None:
        found = Disclosure.of(
            make_header(generated_content=flagged), steps, None if steps is None else 5
        )
        assert found.generative is generative
        assert ("restoration steps 2, seed 5" in found.sentence) is (steps is not None)

    def test_a_map_is_mentioned(self, make_header) -> None:
        assert (
            "provenance drawn over it"
            in Disclosure.of(make_header(), None, None, has_map=True).sentence
        )
        assert "provenance" not in Disclosure.of(make_header(), None, None).sentence

    def test_frames_between_coded_ones_are_generated(self, make_header) -> None:
        found = Disclosure.of(make_header(), None, None, fps=Fraction(60000, 1001))
        assert found.generative
        assert "at 60000/1001 frames per second with those between coded frames generated" in (
            found.sentence
        )


@pytest.mark.parametrize("disclosure", [GENERATIVE, PLAIN], ids=["generative", "plain"])
@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out%d.png"])
def test_every_reader_finds_it_as_the_comment(
    tmp_path: Path, make_header, name: str, disclosure: Disclosure
) -> None:
    write(tmp_path / name, make_header(), disclosure)
    found = tags(tmp_path / name.replace("%d", "2"))
    assert found["comment"] == disclosure.sentence
    if name in ("out.mp4", "out.mkv"):  # MOV has no place for a description
        assert found["description"] == disclosure.sentence


def test_a_copy_by_ffmpeg_keeps_it(tmp_path: Path, make_header) -> None:
    write(tmp_path / "out.mp4", make_header(), GENERATIVE)
    with (
        av.open(str(tmp_path / "out.mp4")) as source,
        av.open(str(tmp_path / "copy.mkv"), "w") as copy,
    ):
        copy.metadata.update(source.metadata)  # as the ffmpeg program does by itself
        track = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                copy.mux(packet)
    assert tags(tmp_path / "copy.mkv")["comment"] == GENERATIVE.sentence


class TestPng:
    def test_the_comment_comes_after_the_header_and_changes_no_pixel(
        self, tmp_path: Path, make_header
    ) -> None:
        write(tmp_path / "%d.png", make_header(), GENERATIVE)
        found = chunks((tmp_path / "1.png").read_bytes())
        assert [kind for kind, _ in found[:2]] == [b"IHDR", b"tEXt"] and found[-1][0] == b"IEND"
        assert found[1][1] == b"Comment\0" + GENERATIVE.sentence.encode("ascii")
        assert np.array_equal(
            cv2.imread(str(tmp_path / "1.png"), cv2.IMREAD_COLOR_RGB), picture(64, 48, 0)
        )

    def test_a_model_name_beyond_latin_is_escaped(self) -> None:
        _, png = cv2.imencode(".png", picture(8, 8))
        marked = Disclosure(True, "модель é", "0" * 64).mark_png(png.tobytes())
        assert (
            b"(model \\u043c\\u043e\\u0434\\u0435\\u043b\\u044c \xe9 0000"
            in dict(chunks(marked))[b"tEXt"]
        )


class TestY4m:
    @staticmethod
    def fields(path: Path) -> list[str]:
        return path.read_bytes().split(b"\n")[0].decode("ascii").split(" ")

    def test_a_short_field_says_it(self, tmp_path: Path, make_header) -> None:
        write(tmp_path / "out.y4m", make_header(), GENERATIVE)
        assert self.fields(tmp_path / "out.y4m")[-2:] == ["XCOLORRANGE=LIMITED", "XAI"]
        for name, disclosure in (("plain", PLAIN), ("none", None)):
            write(tmp_path / f"{name}.y4m", make_header(), disclosure)
            assert self.fields(tmp_path / f"{name}.y4m")[-1] == "XCOLORRANGE=LIMITED"

    def test_readers_that_bear_no_more_than_79_characters_still_read_it(
        self, tmp_path: Path, make_header
    ) -> None:
        from fractions import Fraction

        write(
            tmp_path / "out.y4m",
            make_header(1920, 1080, frame_rate=Fraction(30000, 1001)),
            GENERATIVE,
        )
        fields = self.fields(tmp_path / "out.y4m")
        assert fields[-1] == "XAI" and len(" ".join(fields)) <= 79

    def test_ffmpeg_reads_the_longest_line_there_is(self, tmp_path: Path, make_header) -> None:
        from fractions import Fraction

        header = make_header(
            10002,
            2,
            frame_rate=Fraction(999_983, 1_000_000),
            sample_aspect_ratio=Fraction(65521, 65519),
        )
        write(tmp_path / "out.y4m", header, GENERATIVE)
        assert 79 < len(" ".join(self.fields(tmp_path / "out.y4m"))) <= 127
        assert self.fields(tmp_path / "out.y4m")[-1] == "XAI"
        with av.open(str(tmp_path / "out.y4m")) as container:
            assert sum(1 for _ in container.decode(video=0)) == 3

    @pytest.mark.parametrize(
        ("length", "said"),
        [(75, True), (76, False), (79, False), (80, True), (123, True), (124, False)],
    )
    def test_where_it_does_not_fit_it_is_left_out(self, length: int, said: bool) -> None:
        assert GENERATIVE.extend_y4m("x" * length) == "x" * length + (" XAI" if said else "")
