"""Quantisation around the conditional mean, its bits, and the whole codec."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from videocodec.errors import UnknownModelError
from videocodec.networks.context import checkerboard
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import SecondCodec
from videocodec.networks.second.rate import Rate, _Passes

TINY = SecondShape(8, 8, 8, 8, 1, 8, 1)


def random_rate(channels: int = 8) -> Rate:
    torch.manual_seed(1)
    rate = Rate(channels, hidden=6)
    for parameter in rate.parameters():
        parameter.data.normal_(0, 0.1)
    return rate


def run(rate: Rate, latents: torch.Tensor, **changes: torch.Tensor) -> tuple[torch.Tensor, ...]:
    batch, channels = latents.shape[:2]
    inputs = {
        "log2_step": torch.zeros(batch),
        "dead_zone": torch.zeros(batch),
        "sent": torch.ones(batch, channels),
    }
    with torch.no_grad():
        return rate(latents, **(inputs | changes))


def test_passes_are_those_of_the_context_network() -> None:
    """The part that both share is taken out; the sums stay."""
    net, step = random_rate().nets[3], torch.tensor([0.7, -1.2])
    earlier, half = torch.randn(2, 4, 6, 6), torch.randn(2, 4, 6, 6) * checkerboard(6, 6, "cpu")
    with torch.no_grad():
        passes = _Passes(net, earlier, step)
        blind, sighted = (
            net(earlier, torch.zeros_like(half), 0.0, step),
            net(earlier, half, 1.0, step),
        )
        assert torch.allclose(passes.first, blind, atol=1e-5)
        assert torch.allclose(passes.second(half), sighted, atol=1e-5)
    assert not torch.allclose(blind, sighted, atol=1e-2)


def test_values_are_a_whole_number_of_steps_from_what_is_expected() -> None:
    """So that where the expectation is right nothing is sent and nothing is lost by it."""
    rate = Rate(8)  # its last layers are zero, but not its direct ones
    for net in rate.nets:
        torch.nn.init.zeros_(net.gather.weight)
        net.gather.bias.data[net.hidden : net.hidden + net.own] = 0.3
    quantised, _ = run(rate, torch.full((1, 8, 4, 4), 0.4))
    assert torch.allclose(quantised, torch.full_like(quantised, 0.3))
    quantised, _ = run(rate, torch.full((1, 8, 4, 4), 1.9))
    assert torch.allclose(quantised, torch.full_like(quantised, 2.3))


def test_a_dead_zone_rounds_towards_what_is_expected() -> None:
    latents = torch.randn(1, 8, 12, 12, generator=torch.Generator().manual_seed(0))
    errors = [
        float(
            (run(random_rate(), latents, dead_zone=torch.full((1,), zone))[0] - latents).abs().max()
        )
        for zone in (0.0, 0.25)
    ]
    assert errors[0] == pytest.approx(0.5, abs=0.02)
    assert errors[1] == pytest.approx(0.75, abs=0.05)


def test_what_is_not_sent_is_zero_and_costs_nothing() -> None:
    latents, sent = torch.randn(2, 8, 6, 6) * 3, torch.ones(2, 8)
    sent[1, 4:] = 0
    quantised, bits = run(random_rate(), latents, sent=sent)
    assert (quantised[1, 4:] == 0).all() and (quantised[0, 4:] != 0).any()
    whole = run(random_rate(), latents)[1]
    assert float(bits[0]) == pytest.approx(float(whole[0]))
    assert float(bits[1]) < float(whole[1])


def test_bits_are_of_noisy_values_in_training() -> None:
    latents, noise = torch.randn(1, 8, 6, 6), torch.full((1, 8, 6, 6), 0.49)
    assert float(run(random_rate(), latents, noise=noise)[1]) != float(
        run(random_rate(), latents)[1]
    )
    values = [run(random_rate(), latents, **kind)[0] for kind in ({"noise": noise}, {})]
    assert torch.equal(*values)


def test_gradients_pass_through_rounding() -> None:
    rate, latents = random_rate(), torch.randn(1, 8, 6, 6, requires_grad=True)
    quantised, bits = rate(latents, torch.zeros(1), torch.zeros(1), torch.ones(1, 8))
    (quantised.sum() + bits.sum()).backward()
    assert latents.grad is not None and (latents.grad != 0).all()


class TestCodec:
    def test_finer_steps_take_more_bits(self) -> None:
        torch.manual_seed(0)
        codec, picture = SecondCodec(TINY), torch.rand(2, 3, 32, 32) * 2 - 1
        codec.encoder.linear.weight.data *= 20
        with torch.no_grad():
            fine, coarse = (codec(picture, torch.full((2,), step))[1] for step in (0.3, 3.0))
        assert (fine > coarse).all() and fine.shape == (2,)

    def test_noise_of_training_follows_its_generator(self) -> None:
        torch.manual_seed(0)
        codec, picture, step = SecondCodec(TINY), torch.rand(1, 3, 32, 32), torch.ones(1)
        with torch.no_grad():
            bits = [
                float(codec(picture, step, torch.Generator().manual_seed(seed))[1])
                for seed in (1, 1, 2)
            ]
        assert bits[0] == bits[1] != bits[2]

    def test_now_and_then_whole_slices_are_dropped(self) -> None:
        codec = SecondCodec(SecondShape(24, 8, 8, 8, 1, 8, 1))  # slices of 1, 1, 2, 4, 8, 8
        sent = codec._some_slices(2000, torch.Generator().manual_seed(0))
        counts = sent.sum(1).int().tolist()
        assert set(counts) == {8, 16, 24}
        assert 0.85 < counts.count(24) / 2000 < 0.95
        assert torch.equal(sent, sent.sort(1, descending=True).values)

    def test_weights_of_any_float_type_are_taken_over(self, tmp_path: Path) -> None:
        first, second = SecondCodec(TINY), SecondCodec(TINY)
        halves = {name: value.half() for name, value in first.state_dict().items()}
        save_file(halves, str(tmp_path / "weights.safetensors"))
        second.load(tmp_path / "weights.safetensors")
        state = second.state_dict()
        assert all(torch.equal(state[name], value.float()) for name, value in halves.items())

    def test_other_files_are_refused_in_one_line(self, tmp_path: Path) -> None:
        save_file({"a": torch.zeros(1)}, str(tmp_path / "other.safetensors"))
        for name in ("other.safetensors", "absent"):
            with pytest.raises(UnknownModelError, match=f"{name}: no weights of the second auto"):
                SecondCodec(TINY).load(tmp_path / name)
