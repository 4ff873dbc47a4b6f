"""Nothing in the box of an attached model is believed."""

import io
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.container import AttachedModel, SharedFile, StreamReader
from bitstream.container.attached_model import MAX_FILES
from bitstream.container.boxes import AttachedBox
from bitstream.errors import AttachedModelError

from .attached_models import (
    FILES,
    POST_FILTER,
    UNITS,
    UPSCALER,
    box_of,
    directory,
    hostile,
    identity,
    with_helpers,
    with_upscaler,
)


def opened(plain: Path, box: bytes) -> AttachedModel:
    """The model of a file with that box."""
    target = plain.with_name("hostile.mp4")
    target.write_bytes(plain.read_bytes() + box)
    reader = StreamReader(target)
    # whatever is wrong with the model, the video is there
    assert len(list(reader.units())) == UNITS
    assert reader.container_bytes == plain.stat().st_size
    return reader.attached_model()


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
            AttachedModelError,
            match="it is of version 4, this program reads 1 to 3: upgrade videocodec",
        ):
            opened(plain, box_of(b"\4" + bytes(100)))

    def test_a_network_for_twice_the_size_needs_version_2(self, plain: Path) -> None:
        every = dict(sorted((FILES | UPSCALER).items()))
        with pytest.raises(AttachedModelError, match="of version 1, with its files it must be 2"):
            opened(plain, hostile(every))
        sizes = [(name, len(data)) for name, data in FILES.items()]
        content = directory(sizes, version=2) + bytes(32) + b"".join(FILES.values())
        with pytest.raises(AttachedModelError, match="of version 2, with its files it must be 1"):
            opened(plain, box_of(content))
        half = {"upscaler/config.json": b"{}"}
        with pytest.raises(AttachedModelError, match="it has no upscaler/diffusion_pytorch"):
            opened(plain, with_upscaler(FILES, half))
        large = [(name, 1 << 27 if "diffusion" in name else 2) for name in sorted(every)]
        with pytest.raises(AttachedModelError, match="at most 67108864 are allowed"):
            opened(plain, box_of(directory(large, version=2)))

    def test_a_post_filter_needs_version_3(self, plain: Path) -> None:
        with pytest.raises(AttachedModelError, match="of version 2, with its files it must be 3"):
            opened(plain, with_helpers(FILES, POST_FILTER, UPSCALER, version=2))
        with pytest.raises(AttachedModelError, match="of version 3, with its files it must be 2"):
            opened(plain, with_helpers(FILES, UPSCALER))
        large = {"post_filter/post_filter.safetensors": bytes(4194305)}
        with pytest.raises(AttachedModelError, match="at most 4194304 are allowed"):
            opened(plain, with_helpers(FILES, large))
        pickled = {"post_filter/post_filter.safetensors": pickle.dumps({"a": 1})}
        with pytest.raises(AttachedModelError, match="filter.safetensors is no safetensors file"):
            opened(plain, with_helpers(FILES, pickled))

    @pytest.mark.parametrize("helpers", [[UPSCALER], [POST_FILTER, UPSCALER]])
    def test_every_place_where_it_may_be_cut_with_helpers_is_noticed(
        self, plain: Path, helpers: list[dict[str, bytes]]
    ) -> None:
        content = with_helpers(FILES, *helpers, version=3 if POST_FILTER in helpers else 2)[16:]
        for length in range(len(content)):
            with pytest.raises(AttachedModelError):
                opened(plain, box_of(content[:length]))

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
