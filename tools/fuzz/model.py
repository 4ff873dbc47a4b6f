"""Targets of a model bundle: its tables of integers, and its configs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from bitstream.errors import BitstreamError
from bitstream.v1.tables import CodecTables
from bitstream.v2.tables import LevelTables
from tests.bitstream.synthetic import synthetic_tables
from videocodec.errors import UnknownModelError
from videocodec.models.budget import MAX_NUMBER, check_config, check_shards
from videocodec.models.bundle import ModelBundle
from videocodec.models.strict_json import read_json

from .guard import within

_SPARE = 2 << 20
_TYPES = ("i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "?")
_DIMENSIONS = (0, 1, 2, 3, 4, 8, 64, 67, 80, 100, 128, 200)
_VALUES = (
    0,
    1,
    -1,
    2,
    65,
    65536,
    65535,
    1 << 15,
    -(1 << 15) - 1,
    1 << 20,
    (1 << 20) + 1,
    1 << 31,
    (1 << 63) - 1,
    -(1 << 63),
)


class Tables:
    """The tables file.

    An input is either such a file, or, after the byte 1, changes to a good one, five bytes each:
    tensor, type, two bytes of shape (both 255: as it was), value.
    """

    def __init__(
        self, good: CodecTables | LevelTables | None = None, metadata: dict[str, str] | None = None
    ) -> None:
        """good: tables that are changed; metadata: of their file."""
        good = good or synthetic_tables()
        self._good, self._metadata = good.to_tensors(), metadata
        channels = np.linspace(0.5, 1.5, good.latent_channels, dtype=np.float32)
        self._good |= {
            "latent_scale": channels,
            "sensitivity": channels,
            "certainty_strength": np.array([0.5], dtype=np.float32),
            "timesteps": np.arange(128, dtype=np.int32),
        }
        self._names = sorted(self._good)
        self._folder = _scratch()
        self._bundle = Path(self._folder.name)
        (self._bundle / "codec").mkdir()

    def __call__(self, data: bytes) -> None:
        content = data if data[:1] != b"\1" else save(self._changed(data[1:]), self._metadata)
        (self._bundle / "codec" / "tables.safetensors").write_bytes(content)
        bundle = ModelBundle("fuzzed", self._bundle)
        with within(data, 4, lambda: _SPARE + 16 * len(content)):
            try:
                tables = bundle.tables
                scale, timesteps, sensitivity, certainty = (
                    bundle.latent_scale,
                    bundle.timesteps,
                    bundle.sensitivity,
                    bundle.certainty_strength,
                )
            except (BitstreamError, UnknownModelError) as error:
                assert str(error) and len(str(error)) < 2000
                return
        assert 1 <= tables.latent_channels <= 64 and sum(
            tables.slices
        ) == tables.latent_channels == len(scale) == len(sensitivity)
        assert 0 <= certainty <= 1
        assert (
            np.isfinite(scale).all()
            and (scale > 0).all()
            and timesteps.shape == (128,)
            and timesteps.min() >= 0
        )
        assert type(tables).from_tensors(tables.to_tensors()).slices == tables.slices

    def _changed(self, data: bytes) -> dict[str, np.ndarray]:
        tensors = dict(self._good)
        for at in range(0, min(len(data), 40) - 4, 5):
            choice, kind, first, second, value = data[at : at + 5]
            name = self._names[choice % len(self._names)]
            if choice >= 250:
                tensors.pop(name, None)
                continue
            old = tensors.get(name, np.zeros(1, np.int32))
            shape = (
                old.shape
                if first == second == 255
                else tuple(_DIMENSIONS[n % 12] for n in (first, second) if n < 240)
            )
            content = np.resize(
                old.ravel() if old.size else np.zeros(1, np.int32),
                int(np.prod(shape, dtype=np.int64)),
            )
            with np.errstate(all="ignore"):
                new = content.astype(_TYPES[kind % len(_TYPES)])
                if new.size and value < 200:
                    new[value % new.size] = np.array(_VALUES[value % len(_VALUES)]).astype(
                        new.dtype
                    )
                elif new.size and new.dtype.kind == "f":
                    new[0] = (np.nan, np.inf, -1)[value % 3]
            tensors[name] = np.ascontiguousarray(new.reshape(shape))
        return tensors


class Config:
    """config.json of a network: read, limited, and looked at for what the project itself takes from
    it.
    """

    def __init__(self) -> None:
        self._folder = _scratch()
        self._bundle = Path(self._folder.name)
        (self._bundle / "vae").mkdir()
        (self._bundle / "codec").mkdir()
        tensors = synthetic_tables().to_tensors() | {"latent_scale": np.ones(4, np.float32)}
        (self._bundle / "codec" / "tables.safetensors").write_bytes(save(tensors))
        self._tables = ModelBundle("fuzzed", self._bundle).tables

    def __call__(self, data: bytes) -> None:
        folder, file = self._bundle / "vae", self._bundle / "vae" / "config.json"
        file.write_bytes(data)
        (folder / "diffusion_pytorch_model.safetensors.index.json").write_bytes(data)
        with within(data, 4, lambda: _SPARE + 200 * len(data)):
            try:
                config = read_json(file)
                check_config(config, file)
                numbers = [value for value in config.values() if isinstance(value, int | float)]
                assert isinstance(config, dict) and all(
                    abs(number) <= MAX_NUMBER for number in numbers
                )
                json.dumps(config)
            except UnknownModelError as error:
                assert str(error) and len(str(error)) < 2000
            bundle = ModelBundle("fuzzed", self._bundle)
            vars(bundle)["tables"] = self._tables
            for look in (lambda: bundle.diffusion_units, lambda: check_shards(folder)):
                try:
                    look()
                except UnknownModelError as error:
                    assert str(error) and len(str(error)) < 2000


def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(
        prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    )
