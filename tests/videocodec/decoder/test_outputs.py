"""What a decode writes: pictures, pictures with their provenance, and what both say they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import SharedFile
from videocodec import DecodeReport, decode, decode_frames
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.outputs import Outputs, StreamPart, Targets
from videocodec.errors import (
    DamagedFrameError,
    InputError,
    OutputError,
    OutputExistsError,
)
from videocodec.media.container_sink import ContainerSink
from videocodec.media.provenance_overlay import draw_provenance
from videocodec.models.bundle import ModelBundle
from videocodec.progress import Progress
from videocodec.restoration.base import IdentityRestoration


class TestProvenance:
    """A second output with the map over the picture."""

    @staticmethod
    def files(folder: Path) -> list[str]:
        return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())

    @staticmethod
    def decode(*arguments: object, **options: object) -> DecodeReport:
        return decode(*arguments, device="cpu", threads=1, **options)

    def test_it_is_the_same_pass_with_the_map_drawn_over_it(
        self, coded_movie, tmp_path: Path
    ) -> None:
        told: list[Progress] = []
        report = self.decode(
            coded_movie.coded,
            tmp_path / "a%d.png",
            provenance=tmp_path / "b%d.png",
            progress=told.append,
        )
        assert (report.frames, report.target, report.provenance_target) == (
            22,
            str(tmp_path / "a%d.png"),
            str(tmp_path / "b%d.png"),
        )
        assert len(told) == 22
        for frame in decode_frames(coded_movie.coded, device="cpu", threads=1):
            plain, drawn = (
                cv2.imread(str(tmp_path / f"{letter}{frame.index + 1}.png"), cv2.IMREAD_COLOR_RGB)
                for letter in "ab"
            )
            assert np.array_equal(plain, frame.data.transpose(1, 2, 0))
            assert np.array_equal(drawn, draw_provenance(plain, frame.provenance))

    @pytest.mark.parametrize(
        "name", ["map.mp4", "map.mkv", "map.y4m", "maps/%03d.png", "out/m%d.png"]
    )
    def test_it_may_be_of_any_kind_and_says_what_it_is(
        self, coded_movie, tmp_path: Path, name: str
    ) -> None:
        self.decode(coded_movie.coded, tmp_path / "out" / "%d.png", provenance=tmp_path / name)
        assert len(self.files(tmp_path)) == 22 + (22 if name.endswith(".png") else 1)
        first = next(
            file
            for file in self.files(tmp_path)
            if not file.startswith("out/") or "m" in Path(file).name
        )
        with av.open(str(tmp_path / first)) as container:
            frames = list(container.decode(video=0))
            tags = {
                key.lower(): value
                for key, value in (dict(container.metadata) | dict(frames[0].metadata)).items()
            }
        assert len(frames) == (1 if name.endswith(".png") else 22)
        if not name.endswith(".y4m"):
            assert "provenance drawn over it" in tags["comment"]

    def test_the_legend_is_turned_where_players_will_turn_it_back(
        self,
        coded_movie,
        rewrite: Callable[..., Path],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def turn(index: int, data: bytes) -> bytes:
            unit = AccessUnit.parse(data)
            return (
                data
                if unit.header is None
                else replace(unit, header=replace(unit.header, rotation=3)).to_bytes()
            )

        asked: list[int] = []
        monkeypatch.setattr(
            "videocodec.decoder.outputs.draw_provenance",
            lambda rgb, provenance, turns: asked.append(turns) or rgb,
        )
        turned = rewrite(coded_movie.coded, turn)
        for index, (name, turns) in enumerate((("map.mp4", 3), ("map.y4m", 0))):
            self.decode(turned, tmp_path / f"out{index}.mp4", provenance=tmp_path / name)
            assert asked[22 * index :] == [turns] * 22

    def test_without_it_there_is_none(self, coded_movie, tmp_path: Path) -> None:
        assert self.decode(coded_movie.coded, tmp_path / "out.mkv").provenance_target is None
        assert self.files(tmp_path) == ["out.mkv"]

    def test_one_of_the_two_may_be_standard_output(
        self, coded_movie, tmp_path: Path, capfdbinary
    ) -> None:
        self.decode(coded_movie.coded, tmp_path / "out.y4m")
        for arguments, options in (
            (("-",), {"provenance": tmp_path / "a.y4m"}),
            ((tmp_path / "b.y4m",), {"provenance": Path("-")}),
        ):
            self.decode(coded_movie.coded, *arguments, **options)
        piped = capfdbinary.readouterr().out
        assert piped == (tmp_path / "out.y4m").read_bytes() + (tmp_path / "a.y4m").read_bytes()
        assert (tmp_path / "b.y4m").read_bytes() == (tmp_path / "out.y4m").read_bytes()
        with pytest.raises(
            OutputError,
            match="^-: picture and provenance cannot both go to standard output: name another",
        ):
            self.decode(coded_movie.coded, "-", provenance="-")

    @pytest.mark.parametrize(
        ("target", "provenance"),
        [
            ("out.mp4", "out.mp4"),
            ("out.y4m", "./x/../out.y4m"),
            ("%d.png", "%02d.png"),
            ("%d.png", "1%d.png"),
            ("real.mp4", "link.mp4"),
        ],
    )
    def test_the_two_must_not_be_one(
        self, coded_movie, tmp_path: Path, target: str, provenance: str
    ) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "link.mp4").symlink_to(tmp_path / "real.mp4")
        with pytest.raises(
            OutputError, match="cannot both go to the same file: name another for one of them"
        ):
            self.decode(
                coded_movie.coded,
                tmp_path / target,
                provenance=f"{tmp_path}/{provenance}",
                overwrite=True,
            )
        assert self.files(tmp_path) == []

    def test_the_input_and_what_exists_are_left_alone(self, coded_movie, tmp_path: Path) -> None:
        coded, precious = tmp_path / "coded.mp4", tmp_path / "precious.mp4"
        coded.write_bytes(coded_movie.coded.read_bytes())
        precious.write_bytes(b"precious")
        with pytest.raises(InputError, match="same file"):
            self.decode(coded, tmp_path / "out.mp4", provenance=coded, overwrite=True)
        with pytest.raises(OutputExistsError, match="precious.mp4 exists: pass -y"):
            self.decode(coded, tmp_path / "out.mp4", provenance=precious)
        with pytest.raises(OutputError, match="map.gif: unknown kind of output"):
            self.decode(coded, tmp_path / "new" / "%d.png", provenance=tmp_path / "map.gif")
        assert sorted(file.name for file in tmp_path.iterdir()) == ["coded.mp4", "precious.mp4"]
        assert (
            coded.read_bytes() == coded_movie.coded.read_bytes()
            and precious.read_bytes() == b"precious"
        )
        self.decode(coded, tmp_path / "out.mp4", provenance=precious, overwrite=True)
        assert precious.read_bytes() != b"precious"

    @pytest.mark.parametrize("target", ["out.mp4", "out/%d.png", "out.y4m"])
    def test_damage_leaves_neither(
        self, coded_movie, rewrite: Callable[..., Path], tmp_path: Path, target: str
    ) -> None:
        damaged = rewrite(
            coded_movie.coded,
            lambda index, data: (
                data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index == 3 else data
            ),
        )
        with pytest.raises(DamagedFrameError):
            self.decode(damaged, tmp_path / target, provenance=tmp_path / "map.mkv", strict=True)
        assert [file.name for file in tmp_path.iterdir()] == [damaged.name]

    @pytest.mark.parametrize("target", ["out.mp4", "out/%d.png", "out.y4m"])
    def test_neither_appears_before_both_are_complete(
        self, coded_movie, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(sink: ContainerSink) -> None:
            if "map" in sink.target.name:
                raise OutputError("the disk is full")
            finish(sink)

        finish = ContainerSink.finish
        monkeypatch.setattr(ContainerSink, "finish", full)
        with pytest.raises(OutputError, match="the disk is full"):
            self.decode(coded_movie.coded, tmp_path / target, provenance=tmp_path / "map.mkv")
        assert list(tmp_path.iterdir()) == []


class TestDisclosure:
    """What decoded files say of themselves."""

    @staticmethod
    def comment(path: Path) -> str:
        with av.open(str(path)) as container:
            return container.metadata["comment"]

    def test_a_stream_that_is_no_generative_reconstruction_makes_a_file_that_does_not_say_it_is(
        self, coded_movie, tmp_path: Path
    ) -> None:
        decode(coded_movie.coded, tmp_path / "out.mp4", device="cpu", threads=1)
        header = LatentStream(coded_movie.coded).header
        assert header.generated_content is ModelBundle.find("embedded").has_unet
        if not header.generated_content:
            assert self.comment(tmp_path / "out.mp4").startswith("Decoded by videocodec")

    def test_a_stream_that_is_one_says_so_with_the_standard_term(
        self, generated_movie: Path, tmp_path: Path
    ) -> None:
        decode(generated_movie, tmp_path / "out.mp4", restore=False, device="cpu", threads=1)
        comment = self.comment(tmp_path / "out.mp4")
        assert comment.startswith(
            "AI-reconstructed (https://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrained"
        )
        assert (
            f"(model embedded {ModelBundle.find('embedded').sha256[:16]}, no restoration)"
            in comment
        )

    def test_a_restoration_that_ran_is_told_with_its_steps_and_seed(
        self, coded_movie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Restoring(IdentityRestoration):
            pass

        monkeypatch.setattr(
            "videocodec.decoder.frames.own_restoration",
            lambda _, settings, device: ((IdentityRestoration, Restoring)[settings.restore](), 0),
        )
        monkeypatch.setattr(
            PictureDecoder,
            "restores",
            property(lambda self: isinstance(self.restoration, Restoring)),
        )
        decode(coded_movie.coded, tmp_path / "out.mp4", steps=4, seed=9, device="cpu", threads=1)
        assert "restoration steps 4, seed 9)" in self.comment(tmp_path / "out.mp4")
        assert self.comment(tmp_path / "out.mp4").startswith("AI-reconstructed")
        decode(
            coded_movie.coded,
            tmp_path / "plain.mp4",
            steps=4,
            seed=9,
            restore=False,
            device="cpu",
            threads=1,
        )
        assert "no restoration)" in self.comment(tmp_path / "plain.mp4")


class TestSharedFile:
    """A stream that is read from a file which others read too has no path to take sound from."""

    @staticmethod
    def written(coded: Path, target: Path, sound_from: Path | None) -> list[str]:
        """Write two pictures of a stream in a ``SharedFile`` → kinds of the target's tracks."""
        file = SharedFile.open(coded)
        stream = LatentStream(file)
        part, targets = StreamPart(range(2)), Targets(target, None, overwrite=False)
        decoder = PictureDecoder(stream, "cpu", 1)
        with Outputs(
            targets, stream, part, None, sound_from=sound_from, strict=True, decoder=decoder
        ) as outputs:
            for frame in decoder.frames(0, 2):
                outputs.write(frame)
            assert outputs.commit() == []
        assert file.read(4, 4) == b"ftyp"  # it is still open
        file.close()
        with av.open(str(target)) as container:
            return [track.type for track in container.streams]

    def test_its_sound_comes_from_the_file_that_is_named(self, coded_movie, tmp_path: Path) -> None:
        kinds = self.written(coded_movie.coded, tmp_path / "out.mp4", coded_movie.coded)
        assert kinds == ["video", "audio"]

    def test_without_a_file_for_it_there_is_no_sound(self, coded_movie, tmp_path: Path) -> None:
        assert self.written(coded_movie.coded, tmp_path / "out.mp4", None) == ["video"]
