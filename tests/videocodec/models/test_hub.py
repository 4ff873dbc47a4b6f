"""The hub: asked only by name, and without network the message says which files to put where."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from videocodec.errors import UnknownModelError
from videocodec.models.bundle import BUNDLES, ModelBundle, user_folder
from videocodec.models.hub import is_hub_name
from videocodec.models.source import ModelSource

from ..stock_models import save_pipeline


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of models, empty."""
    monkeypatch.setenv("VIDEOCODEC_MODELS", str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list]:
    """asked(folder or exception) → the calls of a hub that answers so from then on."""
    calls = []

    def answer(with_what: object) -> list:
        def download(name: str, **arguments: object) -> str:
            calls.append((name, arguments))
            if isinstance(with_what, Exception):
                raise with_what
            return str(with_what)

        monkeypatch.setattr("huggingface_hub.snapshot_download", download)
        return calls

    return answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stabilityai/sd-vae-ft-mse", True),
        ("a/b.c_d-1", True),
        ("embedded", False),
        ("a/b/c", False),
        ("./a/b", False),
        ("/a/b", False),
        ("a/..", False),
        ("../b", False),
        ("a/", False),
        ("~/b", False),
        ("a b/c", False),
    ],
)
def test_names_of_the_hub(text: str, expected: bool) -> None:
    assert is_hub_name(text) == expected


class TestBundles:
    def test_nothing_is_fetched_for_what_is_here_or_has_another_form(
        self, asked, tmp_path: Path, monkeypatch
    ) -> None:
        calls = asked(AssertionError("asked the hub"))
        monkeypatch.chdir(tmp_path)
        shutil.copytree(BUNDLES / "embedded", tmp_path / "some" / "bundle")
        save_pipeline(tmp_path / "some" / "pipeline")
        for name in ("embedded", "some/bundle", tmp_path / "some" / "bundle"):
            ModelBundle.find(name)
        for name in ("nonesuch", "some/pipeline", "/no/such/folder", "no/such/folder"):
            with pytest.raises(UnknownModelError):
                ModelBundle.find(name)
        assert not calls

    def test_a_name_fetches_tables_first_and_then_the_networks(self, asked) -> None:
        calls = asked(BUNDLES / "embedded")
        bundle = ModelBundle.find("someone/good-model")
        assert (bundle.name, bundle.sha256) == ("good-model", ModelBundle.find("embedded").sha256)
        assert [name for name, _ in calls] == ["someone/good-model"] * 2
        first, second = (arguments["allow_patterns"] for _, arguments in calls)
        assert not any("safetensors" in pattern or "vae" in pattern for pattern in first)
        assert {"vae/*.safetensors", "unet/*.safetensors", "scheduler/*.json", "codec/*"} <= set(
            second
        )
        assert not any(
            pattern.endswith((".bin", ".ckpt", "*")) and pattern != "codec/*" for pattern in second
        )

    def test_a_model_that_is_not_calibrated_says_how_to(self, asked, tmp_path: Path) -> None:
        calls = asked(save_pipeline(tmp_path / "cache"))
        with pytest.raises(
            UnknownModelError,
            match=(
                "someone/sd: not calibrated .*: run videocodec models calibrate someone/sd"
                " --images DIR"
            ),
        ):
            ModelBundle.find("someone/sd")
        assert len(calls) == 1

    def test_without_network_the_message_says_which_files_to_put_where_and_then_it_works(
        self, asked, own_folder: Path
    ) -> None:
        asked(ConnectionError("no route to\nhost"))
        with pytest.raises(UnknownModelError) as error:
            ModelBundle.find("someone/good-model")
        message = str(error.value)
        assert "\n" not in message
        for part in (
            "huggingface.co cannot be reached",
            "model_index.json",
            "codec/tables.safetensors",
            "vae/config.json",
            str(own_folder / "someone/good-model"),
        ):
            assert part in message
        shutil.copytree(BUNDLES / "embedded", own_folder / "someone" / "good-model")
        assert ModelBundle.find("someone/good-model").name == "good-model"

    def test_a_name_nobody_has_is_named(self, asked) -> None:
        from unittest.mock import Mock

        from huggingface_hub.errors import RepositoryNotFoundError

        asked(RepositoryNotFoundError("404", response=Mock()))
        with pytest.raises(
            UnknownModelError,
            match="someone/nothing: no folder here, and no public model of that name",
        ) as error:
            ModelBundle.find("someone/nothing")
        assert "\n" not in str(error.value)


class TestSources:
    def test_a_name_fetches_configs_and_safetensors_alone(self, asked, tmp_path: Path) -> None:
        calls = asked(save_pipeline(tmp_path / "snapshots" / "0123abc", restores="plain"))
        source = ModelSource.find("runwayml/stable-diffusion-v1-5")
        assert source.name == "stable-diffusion-v1-5" and source.has_unet
        patterns = calls[0][1]["allow_patterns"]
        assert {
            "vae/config.json",
            "unet/diffusion_pytorch_model*.safetensors",
            "scheduler/*.json",
            "config.json",
        } <= set(patterns)
        assert not any(
            pattern in {"*", "*.safetensors", "*.json"} or pattern.endswith(".bin")
            for pattern in patterns
        )

    def test_a_folder_of_that_name_comes_first(self, asked, tmp_path: Path, monkeypatch) -> None:
        calls = asked(AssertionError("asked the hub"))
        monkeypatch.chdir(tmp_path)
        save_pipeline(tmp_path / "some" / "model")
        assert ModelSource.find("some/model").name == "model"
        assert not calls

    def test_without_network_the_message_says_which_files_are_needed(self, asked) -> None:
        asked(OSError("offline"))
        with pytest.raises(UnknownModelError) as error:
            ModelSource.find("runwayml/stable-diffusion-v1-5")
        message = str(error.value)
        assert "\n" not in message
        for part in (
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
            "unet/",
            "scheduler/scheduler_config.json",
            "into a folder",
        ):
            assert part in message


class TestTheUsersFolder:
    def test_the_variable_names_it(self, own_folder: Path) -> None:
        assert user_folder() == own_folder

    @pytest.mark.parametrize(
        ("platform", "variables", "expected"),
        [
            ("linux", {"HOME": "/home/me"}, "/home/me/.local/share/videocodec/models"),
            ("linux", {"HOME": "/home/me", "XDG_DATA_HOME": "/data"}, "/data/videocodec/models"),
            (
                "darwin",
                {"HOME": "/Users/me"},
                "/Users/me/Library/Application Support/videocodec/models",
            ),
            ("win32", {"HOME": "/me", "LOCALAPPDATA": "/local"}, "/local/videocodec/models"),
        ],
    )
    def test_otherwise_it_is_where_the_platform_keeps_data(
        self, monkeypatch, platform: str, variables: dict, expected: str
    ) -> None:
        for name in ("VIDEOCODEC_MODELS", "XDG_DATA_HOME", "LOCALAPPDATA"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.platform", platform)
        assert user_folder().as_posix() == expected
