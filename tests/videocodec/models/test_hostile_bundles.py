"""Bundles that come with strangers' files: whatever is in their configs and tensors, a named error
of one line, and little memory.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bitstream.errors import BitstreamError
from bitstream.v1.tables import CodecTables, TablesError
from videocodec.errors import UnknownModelError
from videocodec.models.bundle import TABLES_FILE, ModelBundle
from videocodec.models.loading import load_autoencoder_in
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.models.strict_json import MAX_DEPTH, read_json

from ..stock_models import kl_autoencoder


def raw_tensor(kind: str, shape: list[int], size: int) -> bytes:
    """A safetensors file with one tensor, ``slices``."""
    text = json.dumps(
        {"slices": {"dtype": kind, "shape": shape, "data_offsets": [0, size]}}
    ).encode()
    return len(text).to_bytes(8, "little") + text + bytes(size)


@pytest.mark.parametrize(
    "content",
    [
        raw_tensor("BF16", [1], 2),
        raw_tensor("F8_E4M3", [1], 1),
        raw_tensor("I32", [0, 1 << 60], 0),
        raw_tensor("I8", [100_000], 100_000),
        (1 << 63).to_bytes(8, "little") + b"{}",
        (100).to_bytes(8, "little") + b'{"a":' * 20,
        b"",
    ],
    ids=[
        "bfloat16",
        "float8",
        "2^60 of nothing",
        "many slices",
        "2^63 bytes of header",
        "nested",
        "empty",
    ],
)
def test_a_tables_file_of_any_kind(tmp_path: Path, content: bytes) -> None:
    """bfloat16 and float8 once were a TypeError and an AttributeError, and many slices a message as
    long.
    """
    (tmp_path / "tables.safetensors").write_bytes(content)
    with pytest.raises(TablesError) as error:
        CodecTables.load(tmp_path / "tables.safetensors")
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("name", "value", "attribute"),
    [
        ("latent_scale", np.ones((), np.float32), "latent_scale"),
        ("latent_scale", np.ones(15, np.float32), "latent_scale"),
        ("latent_scale", np.zeros(16, np.float32), "latent_scale"),
        ("latent_scale", np.full(16, np.nan, np.float32), "latent_scale"),
        ("sensitivity", np.ones(17, np.float32), "sensitivity"),
        ("certainty_strength", np.ones((), np.float32), "certainty_strength"),
        ("certainty_strength", np.ones(1, np.int32), "certainty_strength"),
        ("certainty_strength", np.full(1, 1.5, np.float32), "certainty_strength"),
        ("certainty_strength", np.full(1, np.nan, np.float32), "certainty_strength"),
        ("timesteps", np.full(128, 1 << 40), "timesteps"),
        ("timesteps", np.full(128, -1), "timesteps"),
        ("timesteps", np.zeros(3, np.int64), "timesteps"),
        ("timesteps", np.zeros(128, np.float32), "timesteps"),
    ],
    ids=lambda value: str(getattr(value, "shape", value)),
)
def test_tensors_beside_the_tables_have_their_shapes_and_ranges(
    folder: Path, name: str, value: np.ndarray, attribute: str
) -> None:
    """Once found out, if at all, by an IndexError or a picture of nothing."""
    tensors = load_file(str(folder / TABLES_FILE)) | {name: value}
    save_file(tensors, str(folder / TABLES_FILE))
    with pytest.raises(UnknownModelError, match=f"tables.safetensors: {name} must be"):
        getattr(ModelBundle.find(folder), attribute)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 5000 + "1" + "}" * 5000,
        '{"a": ' + "[" * 40 + "]" * 40 + "}",
        "9" * 5000,
        '"a"',
        '{"a": "\\ud800"',
        "\xff",
    ],
    ids=["lists", "objects", "a little too deep", "a long number", "a string", "half", "no UTF-8"],
)
def test_json_that_is_no_config(tmp_path: Path, text: str) -> None:
    """Nesting once was a RecursionError, which nobody expected."""
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UnknownModelError, match="config.json: (cannot be read|is nested)") as error:
        read_json(tmp_path / "config.json")
    assert "\n" not in str(error.value)


def test_json_as_deep_as_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH)
    assert list(read_json(tmp_path / "config.json")) == ["a"]


@pytest.mark.parametrize("number", ["1" + "0" * 400, "NaN", "-Infinity", "1e999"])
def test_numbers_that_no_network_needs(tmp_path: Path, number: str) -> None:
    """The first once was an OverflowError while the message was written, the second passed."""
    kl_autoencoder(4).save_pretrained(str(tmp_path / "vae"))
    file = tmp_path / "vae" / "config.json"
    file.write_text(
        file.read_text().replace('"norm_num_groups": 4', f'"norm_num_groups": {number}')
    )
    with pytest.raises(
        UnknownModelError, match="config.json: asks for .{1,40}, at most 65536 is allowed"
    ):
        load_autoencoder_in(tmp_path / "vae")


@pytest.mark.parametrize(
    "values",
    [
        {"norm_num_groups": 0},
        {"block_out_channels": []},
        {"act_fn": "nonesuch"},
        {"down_block_types": ["x"] * 4},
    ],
)
def test_configs_that_make_no_sense(tmp_path: Path, values: dict[str, object]) -> None:
    """The first once was a ZeroDivisionError."""
    kl_autoencoder(4).save_pretrained(str(tmp_path / "vae"))
    file = tmp_path / "vae" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    with pytest.raises(UnknownModelError, match="cannot be loaded|weights are missing") as error:
        load_autoencoder_in(tmp_path / "vae")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("factor", ["1e39", '"nan"', "[1]", "1" + "0" * 400])
def test_a_scaling_factor_is_a_number_in_range(folder: Path, factor: str) -> None:
    (folder / "vae" / "config.json").write_text(f'{{"scaling_factor": {factor}}}')
    with pytest.raises(UnknownModelError, match="config.json: .*scaling_factor"):
        _ = ModelBundle.find(folder).diffusion_units


@pytest.mark.parametrize("levels", [3, 12])
def test_an_autoencoder_that_makes_larger_pictures_of_its_latents(
    folder: Path, levels: int
) -> None:
    """Each level doubles the sides and hardly takes weights: twelve of them once asked for a
    thousand times a thousand pictures.
    """
    kl_autoencoder(16, levels).save_pretrained(str(folder / "vae"))
    with pytest.raises(UnknownModelError, match="makes .* of .*latents"):
        AutoencoderRuntime(ModelBundle.find(folder), "cpu")


def test_nothing_here_is_an_error_by_accident(folder: Path) -> None:
    bundle = ModelBundle.find(folder)
    assert bundle.latent_scale.shape == bundle.sensitivity.shape == (16,) and issubclass(
        TablesError, BitstreamError
    )
    AutoencoderRuntime(bundle, "cpu")
