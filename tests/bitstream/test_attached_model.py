"""The box of an attached model: written, and read back."""

import hashlib
import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from bitstream.container import AttachedModel, SharedFile, StreamReader, StreamWriter
from bitstream.errors import ContainerError
from bitstream.model_identity import model_sha256

from ..conformance.reference_v1.files import attached_model
from .attached_models import (
    FILES,
    POST_FILTER,
    SAFETENSORS,
    UNITS,
    UPSCALER,
    box_of,
    directory,
    hostile,
    identity,
    with_helpers,
    with_upscaler,
)


def with_model(plain: Path, folder: Path, names: Iterable[str] = FILES) -> Path:
    """The same file, with the model in ``folder`` attached."""
    target = plain.with_name("with.mp4")
    with StreamWriter(target, Fraction(1, 25)) as writer:
        for unit in StreamReader(plain).units():
            writer.write(unit.data, unit.pts, unit.duration)
        writer.attach_model([(name, folder / name) for name in names], identity(FILES))
        writer.commit()
    return target


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a model."""
    for name, data in (FILES | UPSCALER | POST_FILTER).items():
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_bytes(data)
    return tmp_path / "model"


def helpers_of(model: AttachedModel) -> list[str]:
    """Folders of the networks beside the identity."""
    return [each.name for each in model.helpers]


class TestRoundTrip:
    @pytest.mark.parametrize("shared", [False, True])
    def test_files_come_back_and_the_video_is_as_without(
        self, plain: Path, folder: Path, tmp_path: Path, shared: bool
    ) -> None:
        target = with_model(plain, folder)
        assert target.read_bytes() == plain.read_bytes() + hostile(FILES)
        source = SharedFile.open(target) if shared else target
        reader = StreamReader(source)
        model = reader.attached_model()
        assert model.sha256 == identity(FILES)
        (tmp_path / "out").mkdir()
        model.extract(tmp_path / "out")
        found = {
            f.relative_to(tmp_path / "out").as_posix(): f.read_bytes()
            for f in (tmp_path / "out").rglob("*")
            if f.is_file()
        }
        assert found == FILES
        assert [unit.data for unit in reader.units()] == [
            unit.data for unit in StreamReader(plain).units()
        ]
        assert reader.attached_model_bytes == len(hostile(FILES))
        assert reader.container_bytes == StreamReader(plain).container_bytes == plain.stat().st_size

    def test_without_one_there_is_none(self, plain: Path) -> None:
        reader = StreamReader(plain)
        assert (reader.attached_model(), reader.attached_model_bytes) == (None, 0)

    def test_a_copy_by_an_ordinary_program_loses_it_and_keeps_the_video(
        self, plain: Path, folder: Path, tmp_path: Path
    ) -> None:
        target, copy = with_model(plain, folder), tmp_path / "copy.mp4"
        with av.open(str(target)) as source, av.open(str(copy), "w") as sink:
            stream = sink.add_data_stream("bin_data")
            stream.time_base = source.streams[0].time_base
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    sink.mux(packet)
        assert StreamReader(copy).attached_model() is None
        assert len(list(StreamReader(copy).units())) == UNITS

    def test_more_than_two_gigabytes_do_not_keep_the_video_from_being_read(
        self, plain: Path
    ) -> None:
        with plain.open("r+b") as file:  # sparse: it takes no room
            file.seek(0, io.SEEK_END)
            begin = file.tell()
            weights = "vae/diffusion_pytorch_model.safetensors"
            files = {"codec/tables.safetensors": SAFETENSORS, "vae/config.json": b"{}"}
            content = directory(
                [*((name, len(data)) for name, data in files.items()), (weights, 5 << 30)]
            )
            content += b"".join(files.values()) + SAFETENSORS
            file.write(box_of(content, 16 + len(content) - len(SAFETENSORS) + (5 << 30)))
            file.truncate(begin + 16 + len(content) - len(SAFETENSORS) + (5 << 30))
        reader = StreamReader(plain)
        assert [entry.size for entry in reader.attached_model().files][2] == 5 << 30
        assert len(list(reader.units())) == UNITS

    def test_files_that_changed_meanwhile_are_not_attached(
        self, plain: Path, folder: Path, tmp_path: Path
    ) -> None:
        (folder / "vae/config.json").write_bytes(b'{"a": 2}')
        with pytest.raises(
            ContainerError, match="with.mp4: the model cannot be attached: its files were changed"
        ):
            with_model(plain, folder)
        assert {path.name for path in tmp_path.iterdir()} == {"model", "plain.mp4"}


class TestUpscaler:
    """The network for twice the size, in boxes of version 2."""

    def test_it_comes_back_beside_the_model_whose_identity_it_leaves_alone(
        self, plain: Path, folder: Path, tmp_path: Path
    ) -> None:
        target = with_model(plain, folder, FILES | UPSCALER)
        assert target.read_bytes() == plain.read_bytes() + with_upscaler(FILES)
        model = StreamReader(target).attached_model()
        assert (model.sha256, helpers_of(model), model.damaged_helpers) == (
            identity(FILES),
            ["upscaler"],
            (),
        )
        (tmp_path / "out").mkdir()
        model.extract(tmp_path / "out")
        for name, data in (FILES | UPSCALER).items():
            assert (tmp_path / "out" / name).read_bytes() == data

    def test_its_bytes_are_pinned(self) -> None:
        """What was written once is read for ever, by this program and by others."""
        digest = "c89a1b0f7d4e7b2f017467060bb489b0b9506f2b204595efa63759ac646c063f"
        assert hashlib.sha256(with_upscaler(FILES)).hexdigest() == digest

    def test_a_box_without_it_is_of_version_1_as_ever(self, plain: Path, folder: Path) -> None:
        data = with_model(plain, folder).read_bytes()[plain.stat().st_size :]
        assert (data[:8], data[16]) == (b"\0\0\0\1lvmd", 1)
        model = StreamReader(plain.with_name("with.mp4")).attached_model()
        assert (model.helpers, model.damaged_helpers) == ((), ())

    def test_damaged_it_is_left_out_and_the_model_is_whole(
        self, plain: Path, tmp_path: Path
    ) -> None:
        box = with_upscaler(FILES).replace(UPSCALER["upscaler/config.json"], b'{"b": 2}')
        (tmp_path / "bad.mp4").write_bytes(plain.read_bytes() + box)
        model = StreamReader(tmp_path / "bad.mp4").attached_model()
        assert [each.called for each in model.damaged_helpers] == ["network for twice the size"]
        assert model.sha256 == identity(FILES)
        (tmp_path / "out").mkdir()
        model.extract(tmp_path / "out")
        assert not (tmp_path / "out" / "upscaler").exists()
        assert (tmp_path / "out" / "vae/config.json").read_bytes() == FILES["vae/config.json"]

    def test_a_half_of_it_is_not_attached(self, plain: Path, folder: Path) -> None:
        with pytest.raises(ContainerError, match="it has no upscaler/diffusion_pytorch_model"):
            with_model(plain, folder, [*FILES, "upscaler/config.json"])


class TestPostFilter:
    """The post-filter, in boxes of version 3, with and without a network for twice the size."""

    @pytest.mark.parametrize("upscaler", [{}, UPSCALER])
    def test_it_comes_back_beside_the_model_whose_identity_it_leaves_alone(
        self, plain: Path, folder: Path, tmp_path: Path, upscaler: dict[str, bytes]
    ) -> None:
        every, parts = (
            FILES | upscaler | POST_FILTER,
            [POST_FILTER, *([upscaler] if upscaler else [])],
        )
        target = with_model(plain, folder, every)
        assert target.read_bytes() == plain.read_bytes() + with_helpers(FILES, *parts)
        model = StreamReader(target).attached_model()
        assert (model.sha256, model.damaged_helpers) == (identity(FILES), ())
        assert helpers_of(model) == ["post_filter", *(["upscaler"] if upscaler else [])]
        (tmp_path / "out").mkdir()
        model.extract(tmp_path / "out")
        for name, data in every.items():
            assert (tmp_path / "out" / name).read_bytes() == data
        assert attached_model(target.read_bytes()) == FILES  # of the second decoder

    def test_its_bytes_are_pinned(self) -> None:
        """What was written once is read for ever, by this program and by others."""
        boxes = with_helpers(FILES, POST_FILTER), with_helpers(FILES, POST_FILTER, UPSCALER)
        assert [hashlib.sha256(box).hexdigest() for box in boxes] == [
            "70428cfca8561031c2d0370278595de8e48729b8ba9c993e61a1f49d8feb0ec2",
            "f95fd3d398a475189059cab07eeae180b3a9268912744b9a9d461ee3ea212a2d",
        ]

    @pytest.mark.parametrize("damaged", ["post_filter", "upscaler"])
    def test_one_that_is_damaged_is_left_out_and_the_other_is_there(
        self, plain: Path, tmp_path: Path, damaged: str
    ) -> None:
        whole = next(
            data
            for name, data in sorted((POST_FILTER | UPSCALER).items(), reverse=True)
            if name.startswith(damaged)
        )
        box = with_helpers(FILES, POST_FILTER, UPSCALER).replace(whole, whole[:-1] + b"\0")
        (tmp_path / "bad.mp4").write_bytes(plain.read_bytes() + box)
        model = StreamReader(tmp_path / "bad.mp4").attached_model()
        assert [each.name for each in model.damaged_helpers] == [damaged]
        assert model.sha256 == identity(FILES)
        (tmp_path / "out").mkdir()
        model.extract(tmp_path / "out")
        left = {path.name for path in (tmp_path / "out").iterdir()}
        assert left == {"codec", "model_index.json", "vae", "post_filter", "upscaler"} - {damaged}


def test_the_identity_is_that_of_the_specification() -> None:
    assert model_sha256(
        (name, len(data), [data[:3], data[3:]]) for name, data in sorted(FILES.items())
    ) == identity(FILES)
