"""The box of an attached model: written, read back, and nothing in it believed."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.access_unit import AccessUnit
from bitstream.container import AttachedModel, SharedFile, StreamReader, StreamWriter
from bitstream.container.attached_model import MAX_FILES
from bitstream.container.boxes import ATTACHED_MODEL_BOX, AttachedBox
from bitstream.errors import AttachedModelError, ContainerError
from bitstream.model_identity import model_sha256

SAFETENSORS = (2).to_bytes(8, "little") + b"{}" + b"\1\2\3\4"
UNITS = 8
FILES = {
    "codec/tables.safetensors": SAFETENSORS,
    "model_index.json": b"{}",
    "vae/config.json": b'{"a": 1}',
}


def identity(files: dict[str, bytes]) -> str:
    """By the words of FORMAT.md."""
    return hashlib.sha256(
        b"".join(f"{name}\0{len(data)}\0".encode() + data for name, data in sorted(files.items()))
    ).hexdigest()


def directory(entries: Sequence[tuple[str, int]]) -> bytes:
    """The list of files, as a hostile writer may write it."""
    body = b"".join(
        bytes([len(name)]) + name.encode() + size.to_bytes(8, "big") for name, size in entries
    )
    return b"\1" + len(entries).to_bytes(2, "big") + body


def box_of(content: bytes, size: int | None = None) -> bytes:
    """The box around a content; ``size``: what its header says instead of the truth."""
    return (
        b"\0\0\0\1"
        + ATTACHED_MODEL_BOX
        + (16 + len(content) if size is None else size).to_bytes(8, "big")
        + content
    )


def hostile(files: dict[str, bytes]) -> bytes:
    """A box that is right in all but its files."""
    return box_of(
        directory([(name, len(data)) for name, data in files.items()]) + b"".join(files.values())
    )


@pytest.fixture
def plain(
    tmp_path: Path, write: Callable[..., StreamWriter], make_units: Callable[..., list[AccessUnit]]
) -> Path:
    """A latent-video file without a model."""
    write(tmp_path / "plain.mp4", make_units())
    return tmp_path / "plain.mp4"


def with_model(plain: Path, folder: Path) -> Path:
    """The same file, with the model in ``folder`` attached."""
    target = plain.with_name("with.mp4")
    with StreamWriter(target, Fraction(1, 25)) as writer:
        for unit in StreamReader(plain).units():
            writer.write(unit.data, unit.pts, unit.duration)
        writer.attach_model([(name, folder / name) for name in FILES], identity(FILES))
        writer.commit()
    return target


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a model."""
    for name, data in FILES.items():
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_bytes(data)
    return tmp_path / "model"


def opened(plain: Path, box: bytes) -> AttachedModel:
    """The model of a file with that box."""
    target = plain.with_name("hostile.mp4")
    target.write_bytes(plain.read_bytes() + box)
    reader = StreamReader(target)
    # whatever is wrong with the model, the video is there
    assert len(list(reader.units())) == UNITS
    assert reader.container_bytes == plain.stat().st_size
    return reader.attached_model()


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


def test_the_identity_is_that_of_the_specification() -> None:
    assert model_sha256(
        (name, len(data), [data[:3], data[3:]]) for name, data in sorted(FILES.items())
    ) == identity(FILES)


class TestHostile:
    @pytest.mark.parametrize(
        "name",
        [
            "../evil.json",
            "vae/../../config.json",
            "/etc/config.json",
            "C:\\config.json",
            "vae\\config.json",
            "vae/pytorch_model.bin",
            "vae/diffusion_pytorch_model.bin",
            "vae/diffusion_pytorch_model.pt",
            "vae/config.json\n",
            "vae/sub/config.json",
            "scheduler/diffusion_pytorch_model.safetensors",
            "",
            "vae/con\u00e9.json",
        ],
    )
    def test_only_the_names_of_a_bundle_are_taken(self, plain: Path, name: str) -> None:
        encoded = name.encode("latin-1")
        content = b"\1\0\1" + bytes([len(encoded)]) + encoded + (2).to_bytes(8, "big") + b"{}"
        with pytest.raises(AttachedModelError, match="is no file of a model"):
            opened(plain, box_of(content))

    @pytest.mark.parametrize(
        "data",
        [
            pickle.dumps({"a": 1}),
            b"PK\3\4" + bytes(60),
            b"",
            b"{}",
            (1 << 60).to_bytes(8, "little") + b"{",
        ],
    )
    def test_a_pickle_that_calls_itself_safetensors_is_refused(
        self, plain: Path, data: bytes
    ) -> None:
        with pytest.raises(
            AttachedModelError,
            match="vae/diffusion_pytorch_model.safetensors is no safetensors file",
        ):
            opened(plain, hostile(FILES | {"vae/diffusion_pytorch_model.safetensors": data}))

    def test_what_calls_itself_json_must_look_like_it(self, plain: Path) -> None:
        with pytest.raises(AttachedModelError, match="vae/config.json is no JSON file"):
            opened(plain, hostile(FILES | {"vae/config.json": pickle.dumps({})}))

    @pytest.mark.parametrize("size", [9, (1 << 20) + 1, (1 << 64) - 1])
    def test_sizes_must_add_up_and_be_reasonable(self, plain: Path, size: int) -> None:
        entries = [
            (name, size if name.endswith("config.json") else len(data))
            for name, data in FILES.items()
        ]
        with pytest.raises(
            AttachedModelError,
            match=r"its files take \d+ bytes, the box has|at most 1048576 are allowed",
        ):
            opened(plain, box_of(directory(entries) + b"".join(FILES.values())))

    def test_lists_that_are_long_or_twice_the_same_or_out_of_order_are_refused(
        self, plain: Path
    ) -> None:
        with pytest.raises(AttachedModelError, match=f"it has {MAX_FILES + 1} files"):
            opened(plain, box_of(b"\1" + (MAX_FILES + 1).to_bytes(2, "big")))
        with pytest.raises(AttachedModelError, match="not in the order of their names, each once"):
            opened(plain, box_of(directory([("vae/config.json", 2)] * 2) + b"{}{}"))
        with pytest.raises(AttachedModelError, match="not in the order of their names, each once"):
            opened(plain, hostile(dict(reversed(FILES.items()))))

    def test_a_model_without_tables_is_none(self, plain: Path) -> None:
        with pytest.raises(AttachedModelError, match="it has no codec/tables.safetensors"):
            opened(plain, hostile({"vae/config.json": b"{}"}))
        with pytest.raises(AttachedModelError, match="it has no codec/tables.safetensors"):
            opened(plain, box_of(b"\1\0\0"))

    def test_a_newer_version_says_upgrade(self, plain: Path) -> None:
        with pytest.raises(
            AttachedModelError, match="it is of version 2, this program reads 1: upgrade videocodec"
        ):
            opened(plain, box_of(b"\2" + bytes(100)))

    def test_every_place_where_it_may_be_cut_is_noticed(self, plain: Path) -> None:
        whole = hostile(FILES)
        for length in range(8, len(whole)):
            with pytest.raises(AttachedModelError, match="cut short"):
                opened(plain, whole[:length])

    def test_a_shorter_box_in_a_whole_file_is_noticed(self, plain: Path) -> None:
        content = hostile(FILES)[16:]
        for length in range(len(content)):
            with pytest.raises(AttachedModelError):
                opened(plain, box_of(content[:length]))

    @pytest.mark.parametrize("size", [0, 1, 15, (1 << 64) - 1])
    def test_a_box_of_an_impossible_size_is_noticed(self, plain: Path, size: int) -> None:
        with pytest.raises(AttachedModelError):
            opened(plain, box_of(hostile(FILES)[16:], size))


CONTENT = hostile(FILES)[16:]


@given(
    st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(CONTENT)),
    st.binary(max_size=8),
)
def test_any_bytes_are_a_model_or_a_named_error(
    changes: list[tuple[int, int]], cut: int, more: bytes
) -> None:
    content = bytearray(CONTENT)
    for place, value in changes:
        content[place] = value
    content = bytes(content[:cut] + more)
    try:
        model = AttachedModel(
            SharedFile(io.BytesIO(content)),
            AttachedBox(0, len(content), len(content), len(content)),
        )
    except AttachedModelError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either outcome is right)
    else:
        assert (model.sha256 == identity(FILES)) == (content == CONTENT)
        assert all(entry.position + entry.size <= len(content) for entry in model.files)
