"""Files that bundles share instead of holding them twice, and what a ``shared.json`` cannot do."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch

from bitstream.container.attached_model import check_attachable
from bitstream.errors import AttachedModelError
from videocodec.cli import main
from videocodec.errors import UnknownModelError
from videocodec.models.attached import attachable_files
from videocodec.models.bundle import BUNDLES, TABLES_FILE, ModelBundle, available
from videocodec.models.description import describe
from videocodec.models.files import SHARED_RECORD, bundle_files, weights_folder
from videocodec.models.source import ModelSource

WEIGHTS = "vae/diffusion_pytorch_model.safetensors"
SHARED = {TABLES_FILE: "embedded", WEIGHTS: "embedded"}
_CONFIGS = 10_000  # bytes; what is smaller may lie there twice

# What streams were made with before files were shared, and must be found again.
IDENTITIES = {
    "embedded": "e502918714386e891284ff1b05179cb8e37a7119bc32ceda3e4cac3acac191d2",
    "embedded-unet": "82cb08229553393c16a6d673ce21381d6a36775b781457a268319ddd69eda707",
}


@pytest.fixture
def sharing(tmp_path: Path) -> Path:
    """A copy of the bundle of the package that shares files, outside it."""
    return Path(shutil.copytree(BUNDLES / "embedded-unet", tmp_path / "copied"))


def share(folder: Path, record: object) -> None:
    """Write another ``shared.json``."""
    (folder / SHARED_RECORD).write_text(json.dumps(record))


class TestTheBundlesOfThePackage:
    def test_nothing_large_lies_there_twice(self):
        contents = Counter(
            hashlib.sha256(file.read_bytes()).hexdigest()
            for file in BUNDLES.rglob("*")
            if file.is_file() and file.stat().st_size > _CONFIGS
        )
        assert contents and set(contents.values()) == {1}

    @pytest.mark.parametrize("name", IDENTITIES)
    def test_a_bundle_keeps_its_identity(self, name):
        assert ModelBundle.find(name).sha256 == IDENTITIES[name]
        assert ModelBundle.find(BUNDLES / name).sha256 == IDENTITIES[name]

    def test_shared_weights_come_with_the_bundles_own_config(self):
        sharing, holding = (ModelBundle.find(name) for name in ("embedded-unet", "embedded"))
        networks = [bundle.load_autoencoder() for bundle in (sharing, holding)]
        assert networks[0].config.scaling_factor == pytest.approx(0.4939)
        assert networks[1].config.scaling_factor == 1
        states = [network.state_dict() for network in networks]
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])

    def test_a_description_counts_shared_files(self):
        described = describe(ModelBundle.find("embedded-unet"))
        sizes = sum(file.stat().st_size for file in bundle_files(BUNDLES / "embedded").values())
        assert described.bytes > sizes
        assert described.networks[0].parameters > 2_000_000

    def test_a_bundle_that_shares_can_be_attached(self):
        files = dict(attachable_files(ModelBundle.find("embedded-unet")))
        assert files[WEIGHTS] == BUNDLES / "embedded" / WEIGHTS
        assert SHARED_RECORD not in files
        assert {"unet/config.json", TABLES_FILE, "model_index.json"} < files.keys()

    def test_calibration_copies_shared_weights(self, tmp_path):
        source = ModelSource.find(BUNDLES / "embedded-unet")
        source.install(tmp_path / "made", source.load_autoencoder())
        made = (tmp_path / "made" / WEIGHTS).read_bytes()
        assert made == (BUNDLES / "embedded" / WEIGHTS).read_bytes()


class TestACopyOutsideThePackage:
    def test_it_is_the_same_model(self, sharing):
        bundle = ModelBundle.find(sharing)
        assert bundle.sha256 == IDENTITIES["embedded-unet"]
        assert bundle.tables.latent_channels == 16

    def test_a_complete_one_needs_no_record(self, sharing):
        for name, file in bundle_files(sharing).items():
            (sharing / name).parent.mkdir(exist_ok=True)
            if file != sharing / name:
                shutil.copyfile(file, sharing / name)
        (sharing / SHARED_RECORD).unlink()
        assert ModelBundle.find(sharing).sha256 == IDENTITIES["embedded-unet"]
        assert weights_folder(sharing, "vae") == sharing / "vae"

    def test_a_file_of_its_own_goes_before_a_shared_one(self, sharing):
        shutil.copyfile(BUNDLES / "embedded" / WEIGHTS, sharing / WEIGHTS)
        assert bundle_files(sharing)[WEIGHTS] == sharing / WEIGHTS
        assert weights_folder(sharing, "vae") == sharing / "vae"

    def test_one_in_the_users_folder_is_found_by_its_name(self, sharing, monkeypatch):
        monkeypatch.setenv("VIDEOCODEC_MODELS", str(sharing.parent))
        assert available() == ("embedded", "embedded-unet", "second", "copied")
        assert ModelBundle.find("copied").sha256 == IDENTITIES["embedded-unet"]

    def test_without_tables_it_is_not_calibrated(self, sharing):
        share(sharing, {WEIGHTS: "embedded"})
        with pytest.raises(UnknownModelError, match="not calibrated"):
            ModelBundle.find(sharing)


class TestHostileRecords:
    @pytest.mark.parametrize(
        "holder",
        [
            "..",
            ".",
            "",
            "../bundles/embedded",
            "embedded/../embedded",
            "embedded/",
            str(BUNDLES / "embedded"),
            "embedded-unet",  # holds nothing for others: no chains
            "EMBEDDED",
            "x" * 100_000,
            None,
            5,
            True,
            ["embedded"],
            {"embedded": "embedded"},
        ],
    )
    def test_only_bundles_of_the_package_are_shared(self, sharing, holder):
        share(sharing, SHARED | {WEIGHTS: holder})
        with pytest.raises(UnknownModelError, match="no bundle of this package") as error:
            ModelBundle.find(sharing)
        assert len(str(error.value)) < 1000

    def test_bundles_of_the_user_are_not(self, sharing, monkeypatch):
        monkeypatch.setenv("VIDEOCODEC_MODELS", str(sharing.parent))
        shutil.copytree(BUNDLES / "embedded", sharing.parent / "theirs")
        share(sharing, SHARED | {WEIGHTS: "theirs"})
        with pytest.raises(UnknownModelError, match="'theirs' is no bundle of this package"):
            ModelBundle.find(sharing)

    @pytest.mark.parametrize(
        "name",
        [
            "../embedded/" + WEIGHTS,
            "vae/../" + WEIGHTS,
            "vae/../../../../../../../../etc/passwd",
            "/etc/passwd",
            "/" + WEIGHTS,
            str(BUNDLES / "embedded" / WEIGHTS),
            "vae\\diffusion_pytorch_model.safetensors",
            "vae",
            "",
            "README.md",  # which decoding does not depend on
            "codec/rate_model.safetensors",
            "unet/config.json",  # which that bundle has not
            "x" * 100_000,
        ],
    )
    def test_only_files_that_decoding_depends_on_are_shared(self, sharing, name):
        share(sharing, SHARED | {name: "embedded"})
        with pytest.raises(UnknownModelError, match="has no file") as error:
            ModelBundle.find(sharing)
        assert len(str(error.value)) < 1000

    @pytest.mark.parametrize("content", ["", "[]", "{", '"embedded"', "[" * 100_000, "\x00"])
    def test_what_is_no_object_is_refused(self, sharing, content):
        (sharing / SHARED_RECORD).write_text(content)
        with pytest.raises(UnknownModelError, match="shared.json: "):
            ModelBundle.find(sharing)

    def test_a_damaged_one_is_a_warning_in_the_list(self, sharing, monkeypatch, capsys):
        monkeypatch.setenv("VIDEOCODEC_MODELS", str(sharing.parent))
        share(sharing, {WEIGHTS: ".."})
        assert main(["models", "list"]) == 0
        printed = capsys.readouterr()
        assert "embedded-unet" in printed.out and "copied" not in printed.out.split("\nyour")[0]
        assert "warning: copied: " in printed.err

    def test_an_attached_model_has_none(self):
        needed = [("model_index.json", 10), (TABLES_FILE, 10), ("vae/config.json", 10)]
        with pytest.raises(AttachedModelError, match="shared.json"):
            check_attachable([*needed, (SHARED_RECORD, 10)])
