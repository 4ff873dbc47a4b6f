"""Runs of the second autoencoder: exact to go on with, released by a decay, and shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from videocodec.errors import InputError
from videocodec.networks.second.codec import ACTIVATION, SecondCodec
from videocodec.training.budget import Budget
from videocodec.training.second import pack
from videocodec.training.second.recipe import SecondTraining
from videocodec.training.second.run import decay, new_learner, train
from videocodec.training.second.show import newest_weights, show
from videocodec.training.second.start import start_from_principal_components

STEP = 64 * 64  # pixels


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) for name, value in first.items()
    )


def test_a_run_in_parts_ends_with_the_same_weights_to_the_bit(
    asked: SecondTraining, data: Path
) -> None:
    pictures = pack.read(data)
    whole = train(asked, pictures, Budget(steps=4))
    parts = replace(asked, folder=asked.folder.with_name("parts"), workers=2)
    train(parts, pictures, Budget(steps=1))
    train(parts, pictures, Budget(steps=2))
    found = train(parts, pictures, Budget(steps=4))
    assert (found.steps, found.pixels) == (4, 4 * STEP)
    assert same(whole.model.state_dict(), found.model.state_dict())
    assert same(whole.average.state_dict(), found.average.state_dict())
    assert not same(whole.model.state_dict(), new_learner(asked, pictures).model.state_dict())


def test_a_run_leaves_weights_log_and_panel(asked: SecondTraining, data: Path) -> None:
    learner = train(asked, pack.read(data), Budget(pixels=2 * STEP))
    assert {file.name for file in asked.folder.iterdir()} == {
        "average.safetensors",
        "checkpoint",
        "log.jsonl",
        "panel.md",
    }
    first, last = log(asked.folder)
    assert (first["iteration"], last["iteration"], last["decaying"]) == (0, 2, False)
    assert [row[0] for row in last["video"]] == [1.0, 4.0]
    assert len(last["photographs"][0]) == 6
    assert "video, after 0.000 Gpx, average.safetensors" in (asked.folder / "panel.md").read_text()
    written = load_file(str(asked.folder / "average.safetensors"))
    assert same(written, {n: v.half() for n, v in learner.average.state_dict().items()})
    assert max(f.stat().st_size for f in asked.folder.rglob("*") if f.is_file()) < 16 << 20


def test_weights_given_are_started_from_and_their_pixels_counted_on(
    asked: SecondTraining, data: Path
) -> None:
    pictures = pack.read(data)
    train(asked, pictures, Budget(steps=1))
    weights = asked.folder / "average.safetensors"
    other = replace(asked, folder=asked.folder.with_name("other"), init=weights, pixels_before=1000)
    learner = new_learner(other, pictures)
    assert same(
        learner.model.state_dict(), {n: v.float() for n, v in load_file(str(weights)).items()}
    )
    assert train(other, pictures, Budget(steps=1)).pixels == 1000 + STEP


def test_parts_that_do_not_learn_stay(asked: SecondTraining, data: Path) -> None:
    pictures = pack.read(data)
    before = new_learner(asked, pictures).model.state_dict()
    after = train(replace(asked, parts=["rate"]), pictures, Budget(steps=3)).model.state_dict()
    changed = {name.split(".")[0] for name, value in before.items() if not value.equal(after[name])}
    assert changed == {"rate"}


def test_a_run_goes_on_with_its_activation(asked: SecondTraining, data: Path) -> None:
    pictures = pack.read(data)
    shape = replace(asked.shape, activation="silu")
    train(replace(asked, shape=shape), pictures, Budget(steps=1))
    assert train(asked, pictures, Budget(steps=2)).model.shape == shape
    started = replace(asked, folder=asked.folder.with_name("other"))
    started = replace(started, init=asked.folder / "average.safetensors")
    assert new_learner(started, pictures).model.shape == shape


def test_frames_to_validate_with_can_be_a_folder(
    asked: SecondTraining, data: Path, tmp_path: Path
) -> None:
    pictures = pack.read(data)
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((200, 200, 3), 90, np.uint8))
    train(replace(asked, validation=tmp_path), pictures, Budget(steps=1))
    train(replace(asked, folder=asked.folder.with_name("own")), pictures, Budget(steps=1))
    grey, own = (log(asked.folder.with_name(name))[0] for name in ("run", "own"))
    assert grey["photographs"] == own["photographs"]
    assert grey["video"][0][2] > own["video"][0][2]  # evenness is easy


def test_muon_learns_dense_layers_and_goes_on_to_the_bit(asked: SecondTraining, data: Path) -> None:
    pictures = pack.read(data)
    asked = replace(asked, optimiser="muon")
    whole = train(asked, pictures, Budget(steps=3))
    parts = replace(asked, folder=asked.folder.with_name("parts"))
    train(parts, pictures, Budget(steps=1))
    assert same(
        whole.model.state_dict(), train(parts, pictures, Budget(steps=3)).model.state_dict()
    )
    momenta = load_file(str(asked.folder / "checkpoint" / "momentum.safetensors"))
    assert {"encoder.stem.weight", "decoder.low.1.a.weight"} < momenta.keys()
    assert not {name for name in momenta if ".dw." in name or ".linear." in name or "rate" in name}


def test_every_layer_has_its_speed(asked: SecondTraining, data: Path) -> None:
    learner = new_learner(asked, pack.read(data))
    codec, speed = learner.model, {}
    for group in learner.groups:
        for weight in group.parameters:
            speed[id(weight)] = (group.peak_rate / asked.learning_rate, group.with_muon)
    expected = {
        codec.encoder.linear.weight: (0.03, False),
        codec.decoder.linear.weight: (0.03, False),
        codec.encoder.head.weight: (0.15, False),
        codec.decoder.head.weight: (0.3, False),
        codec.encoder.down.weight: (0.5, True),
        codec.decoder.up.weight: (1.0, True),
        codec.decoder.fine.dw.weight: (1.0, False),
        codec.rate.nets[0].mix.weight: (2.0, False),
    }
    for weight, (factor, with_muon) in expected.items():
        assert speed[id(weight)] == (pytest.approx(factor), with_muon)
    count = sum(len(group.parameters) for group in learner.groups)
    assert count == len(list(learner.model.parameters()))


def test_the_rate_model_can_come_from_another_file(
    asked: SecondTraining, data: Path, tmp_path: Path
) -> None:
    pictures = pack.read(data)
    other = SecondCodec(asked.shape)
    save_file(other.state_dict(), str(tmp_path / "other.safetensors"))
    codec = new_learner(replace(asked, rate_weights=tmp_path / "other.safetensors"), pictures).model
    assert same(codec.rate.state_dict(), other.rate.state_dict())
    assert not same(codec.encoder.state_dict(), other.encoder.state_dict())


class TestDecay:
    def test_it_ends_at_no_rate_and_leaves_the_run_as_it_was(
        self, asked: SecondTraining, data: Path
    ) -> None:
        pictures = pack.read(data)
        train(asked, pictures, Budget(steps=2))
        before = load_file(str(asked.folder / "checkpoint" / "weights.safetensors"))
        learner = decay(asked, pictures, 3 * STEP)
        assert (learner.steps, learner.pixels) == (5, 5 * STEP)
        assert log(asked.folder)[-1]["decaying"]
        assert log(asked.folder)[-1]["rate"] < 0.3 * log(asked.folder)[1]["rate"] * 5 / 2
        assert same(before, load_file(str(asked.folder / "checkpoint" / "weights.safetensors")))
        assert same(
            load_file(str(asked.folder / "decayed.safetensors")),
            {name: value.half() for name, value in learner.average.state_dict().items()},
        )

    def test_one_that_was_stopped_goes_on_and_one_that_ended_is_made_anew(
        self, asked: SecondTraining, data: Path
    ) -> None:
        pictures = pack.read(data)
        train(asked, pictures, Budget(steps=1))
        stopped = decay(asked, pictures, 2 * STEP, minutes=1e-9)
        assert stopped.steps == 1
        ended = decay(asked, pictures, 99 * STEP)  # the plan is that of the first part
        assert ended.steps == 3
        again = decay(asked, pictures, STEP)
        assert (again.steps, again.record["decay_from"]) == (2, STEP)

    def test_weights_are_enough_to_start_from(self, asked: SecondTraining, data: Path) -> None:
        pictures = pack.read(data)
        codec = new_learner(asked, pictures).model
        weights = asked.folder.with_name("weights.safetensors")
        state = {name: value.contiguous() for name, value in codec.state_dict().items()}
        save_file(state, str(weights), {ACTIVATION: "silu"})
        learner = decay(replace(asked, init=weights, pixels_before=7), pictures, 2 * STEP)
        assert (learner.steps, learner.record["decay_from"]) == (2, 7)
        assert log(asked.folder)[-1]["rate"] < log(asked.folder)[0]["rate"]
        before, after = codec.state_dict(), learner.model.state_dict()
        moved = after["decoder.linear.weight"] - before["decoder.linear.weight"]
        assert 0 < float(moved.abs().max()) < 0.1

    def test_without_a_run_there_is_nothing_to_decay(
        self, asked: SecondTraining, data: Path
    ) -> None:
        with pytest.raises(InputError, match="no checkpoint of a training"):
            decay(asked, pack.read(data), STEP)


def test_principal_components_are_a_codec_with_means_coded_finer(data: Path) -> None:
    codec, pictures = SecondCodec(), pack.read(data)
    start_from_principal_components(codec, pictures.frames)
    picture = torch.from_numpy(pictures.frames[0][:64, :64].copy()).permute(2, 0, 1)[None].float()
    source = picture / 127.5 - 1
    with torch.no_grad():
        back = codec.decoder.linear(codec.encoder.linear(source))
    assert float((back - source).square().mean()) < 0.05 * float(source.var())
    sizes = codec.encoder.linear.weight.detach().flatten(1).norm(dim=1)
    assert float(sizes.max() / sizes.median()) == pytest.approx(2.2, rel=0.1)


class TestShow:
    def test_a_sheet_has_source_and_decoded_side_by_side(self, data: Path, tmp_path: Path) -> None:
        codec = SecondCodec()
        start_from_principal_components(codec, pack.read(data).frames)
        save_file(codec.state_dict(), str(tmp_path / "average.safetensors"))
        for name, size in {"wide": (70, 100), "narrow": (40, 50)}.items():
            cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((*size, 3), 128, np.uint8))
        files = [tmp_path / "wide.png", tmp_path / "narrow.png"]
        weights = newest_weights(tmp_path)
        bits = show(weights, files, 1.0, tmp_path / "sheet.png")
        sheet = cv2.imread(str(tmp_path / "sheet.png"))
        assert sheet.shape == (64 + 40, 2 * 96, 3) and len(bits) == 2
        assert abs(int(sheet[30, 30, 0]) - 128) < 3 and abs(int(sheet[30, 130, 0]) - 128) < 30

    def test_what_cannot_be_shown_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no weights: name the folder of a run"):
            newest_weights(tmp_path)
