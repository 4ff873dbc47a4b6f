"""Quantisation around the conditional mean, its bits, and the whole codec."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bitstream.v2.scan import CHECKERBOARD, LATTICE
from videocodec.errors import UnknownModelError
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import ACTIVATION, SecondCodec
from videocodec.networks.second.rate import Rate, SliceNetwork
from videocodec.networks.second.rounding import quantise

TINY = SecondShape(8, 8, 8, 8, 1, 8, 1)


def random_rate(channels: int = 8) -> Rate:
    torch.manual_seed(1)
    rate = Rate(channels, hidden=6)
    for parameter in rate.parameters():
        parameter.data.normal_(0, 0.1)
    return rate


def run(
    rate: Rate, latents: torch.Tensor, **changes: torch.Tensor | bool
) -> tuple[torch.Tensor, ...]:
    batch, channels = latents.shape[:2]
    inputs = {
        "log2_step": torch.zeros(batch),
        "dead_zone": torch.zeros(batch),
        "sent": torch.ones(batch, channels),
    }
    with torch.no_grad():
        return rate(latents, **(inputs | changes))


def whole_network(
    net: SliceNetwork,
    earlier: torch.Tensor,
    known: torch.Tensor,
    flags: tuple[int, ...],
    log2_step: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """As the format has it: all planes in their order through one convolution."""
    seen = torch.cat([earlier, known], 1)
    ones = torch.ones_like(seen[:, :1])
    constants = [ones * flag for flag in flags] + [ones * log2_step.reshape(-1, 1, 1, 1), ones]
    sizes = torch.log2(1 + seen.abs())
    direct = net.direct(torch.cat([seen, sizes, *constants], 1))
    hidden = net.gather(torch.cat([sizes, *constants, seen.sign() * sizes], 1))
    return (direct + net.mix(torch.relu(hidden))).chunk(2, 1)


def test_networks_in_two_parts_are_the_whole_network() -> None:
    """The part that the passes over a grid share is taken out; the sums stay."""
    net, step = random_rate().nets[3], torch.tensor([0.7, -1.2])
    earlier, known = torch.randn(2, 4, 6, 6), torch.randn(2, 4, 6, 6)
    with torch.no_grad():
        parts = net(net.from_earlier(earlier, step), known, (1, 0, 2))
        whole = whole_network(net, earlier, known, (1, 0, 2), step)
    assert all(torch.allclose(*pair, atol=1e-5) for pair in zip(parts, whole, strict=True))


@pytest.mark.parametrize(("height", "width"), [(6, 6), (9, 17), (1, 3)])
def test_slices_are_coded_in_the_passes_of_the_format(height: int, width: int) -> None:
    """Position by position, from the text: what a pass codes is known to those after it."""
    rate, latents = random_rate(24), 2 * torch.randn(1, 24, height, width)
    step, zone = torch.tensor([0.5]), torch.tensor([0.1])
    found = run(rate, latents, log2_step=step, dead_zone=zone)[0]
    start = 0
    for index, (net, own) in enumerate(zip(rate.nets, rate.slices, strict=True)):
        known = torch.zeros_like(latents[:, start : start + own])
        for scan_pass in LATTICE if index < 4 else CHECKERBOARD:
            stride = scan_pass.stride
            grid, earlier = known[..., ::stride, ::stride], found[:, :start, ::stride, ::stride]
            with torch.no_grad():
                mean, _ = whole_network(net, earlier, grid, scan_pass.flags, step)
                if index < 4:
                    mean = mean + rate.differences[index](earlier, grid, scan_pass, step)[0]
            rest = latents[:, start : start + own, ::stride, ::stride] - mean
            level = rest.sign() * torch.floor(rest.abs() + 0.4)
            mask = torch.from_numpy(scan_pass.mask(height, width))
            grid[..., mask] = (mean + level)[..., mask]
        assert torch.allclose(known, found[:, start : start + own], atol=1e-4)
        start += own


def test_values_are_a_whole_number_of_steps_from_what_is_expected() -> None:
    """So that where the expectation is right nothing is sent and nothing is lost by it."""
    rate = Rate(8)  # its last layers are zero
    for net in rate.nets:
        net.direct.bias.data[: net.width] = 0.3
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


def test_training_has_the_values_and_bits_of_use() -> None:
    latents = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(3)) * 2
    in_use, in_training = run(random_rate(), latents), run(random_rate(), latents, is_training=True)
    for used, trained in zip(in_use, in_training, strict=True):
        assert torch.allclose(used, trained, atol=1e-4)


def test_gradients_pass_through_rounding() -> None:
    rate, latents = random_rate(), torch.randn(1, 8, 6, 6, requires_grad=True)
    quantised, bits = rate(latents, torch.zeros(1), torch.zeros(1), torch.ones(1, 8))
    (quantised.sum() + bits.sum()).backward()
    assert latents.grad is not None and (latents.grad != 0).all()


def test_in_training_what_rounds_to_the_mean_hardly_feels_the_picture() -> None:
    value = torch.tensor([0.0, 0.25, 0.45, 0.55, 1.0]).reshape(1, 1, 1, 5).requires_grad_()
    mean = torch.zeros(1, 1, 1, 5, requires_grad=True)
    quantised = quantise(value, mean, torch.zeros(1), softness=4.0)
    assert quantised.flatten().tolist() == pytest.approx([0, 0, 0, 1, 1])
    quantised.sum().backward()
    assert value.grad is not None
    deep, half, near, after, centre = value.grad.flatten().tolist()
    assert deep == pytest.approx(centre) and deep < 0.2 < half < 1 < near == pytest.approx(after)
    assert mean.grad is None


def test_in_training_bits_draw_values_below_the_next_level_back() -> None:
    """The bits of what rounds to the mean are the same wherever it was; the slope is not."""
    rate = random_rate(1)
    latents = torch.full((1, 1, 4, 4), 0.4, requires_grad=True)
    inputs = (torch.zeros(1), torch.zeros(1), torch.ones(1, 1))
    with torch.no_grad():
        for net in rate.nets:
            net.direct.weight.zero_()
            net.direct.bias.zero_()
            net.mix.weight.zero_()  # means of 0
        for parameter in rate.differences.parameters():
            parameter.zero_()
    rate(latents, *inputs, is_training=True)[1].sum().backward()
    assert latents.grad is not None and (latents.grad > 0).all()


def test_in_training_means_are_drawn_to_the_values() -> None:
    """Also where all of them round to the mean, and the real bits say nothing."""
    torch.manual_seed(0)
    rate = Rate(1, hidden=4)
    latents = torch.full((1, 1, 8, 8), 0.3)
    inputs = (latents, torch.zeros(1), torch.zeros(1), torch.ones(1, 1))
    optimiser = torch.optim.Adam(rate.parameters(), lr=0.01)
    for _ in range(100):
        optimiser.zero_grad()
        rate(*inputs, is_training=True)[1].sum().backward()
        optimiser.step()
    with torch.no_grad():
        quantised = rate(*inputs)[0]
    assert torch.allclose(quantised, latents, atol=0.03)


class TestCodec:
    def test_finer_steps_take_more_bits(self) -> None:
        torch.manual_seed(0)
        codec, picture = SecondCodec(TINY), torch.rand(2, 3, 32, 32) * 2 - 1
        codec.encoder.linear.weight.data *= 20
        with torch.no_grad():
            fine, coarse = (codec(picture, torch.full((2,), step))[1] for step in (0.3, 3.0))
        assert (fine > coarse).all() and fine.shape == (2,)

    def test_chance_in_training_follows_its_generator(self) -> None:
        torch.manual_seed(0)
        codec, picture, step = SecondCodec(TINY), torch.rand(1, 3, 32, 32), torch.ones(1)
        codec.encoder.linear.weight.data *= 20
        with torch.no_grad():
            bits = [
                float(codec(picture, step, torch.Generator().manual_seed(seed))[1])
                for seed in (1, 1, 2)
            ]
        assert bits[0] == bits[1] != bits[2]

    def test_now_and_then_whole_slices_are_dropped(self) -> None:
        codec = SecondCodec(SecondShape(24, 8, 8, 8, 1, 8, 1))  # slices of 1, 1, 2, 4, 8, 8
        sent = codec.sent_slices(2000, torch.Generator().manual_seed(0))
        counts = sent.sum(1).int().tolist()
        assert set(counts) == {8, 16, 24}
        assert 0.85 < counts.count(24) / 2000 < 0.95
        assert torch.equal(sent, sent.sort(1, descending=True).values)

    def test_weights_bring_their_activation(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        written, picture = SecondCodec(replace(TINY, activation="silu")), torch.rand(1, 3, 32, 32)
        for network in (written.encoder, written.decoder):
            torch.nn.init.normal_(network.head.weight)
        file, step = tmp_path / "weights.safetensors", torch.ones(1)
        save_file(written.state_dict(), str(file), {ACTIVATION: "silu"})
        read = SecondCodec(TINY)
        read.load(file)
        with torch.no_grad():
            pictures = [codec(picture, step)[0] for codec in (written, read)]
            read.use_activation("relu")
            other = read(picture, step)[0]
        assert torch.equal(*pictures) and not torch.allclose(pictures[0], other)
        save_file(written.state_dict(), str(file), {ACTIVATION: "step"})
        with pytest.raises(
            UnknownModelError, match="'step' is unknown: this version has relu, silu"
        ):
            read.load(file)

    def test_weights_of_any_float_type_are_taken_over(self, tmp_path: Path) -> None:
        first, second = SecondCodec(TINY), SecondCodec(TINY)
        halves = {name: value.half() for name, value in first.state_dict().items()}
        save_file(halves, str(tmp_path / "weights.safetensors"))
        second.load(tmp_path / "weights.safetensors")
        state = second.state_dict()
        assert all(torch.equal(state[name], value.float()) for name, value in halves.items())

    def test_the_rate_model_alone_is_taken_over(self, tmp_path: Path) -> None:
        first, second = SecondCodec(TINY), SecondCodec(TINY)
        before = {name: value.clone() for name, value in second.encoder.state_dict().items()}
        save_file(first.state_dict(), str(tmp_path / "weights.safetensors"))
        second.load_rate(tmp_path / "weights.safetensors")
        rate, encoder = second.rate.state_dict(), second.encoder.state_dict()
        assert all(torch.equal(rate[name], v) for name, v in first.rate.state_dict().items())
        assert all(torch.equal(encoder[name], value) for name, value in before.items())

    def test_other_files_are_refused_in_one_line(self, tmp_path: Path) -> None:
        save_file({"a": torch.zeros(1)}, str(tmp_path / "other.safetensors"))
        for name in ("other.safetensors", "absent"):
            with pytest.raises(UnknownModelError, match=f"{name}: no weights of the second auto"):
                SecondCodec(TINY).load(tmp_path / name)


def test_more_hidden_units_change_nothing_until_they_learn(tmp_path: Path) -> None:
    """And weights bring the size of their rate model along."""
    narrow = SecondCodec(replace(TINY, hidden=6))
    for parameter in narrow.rate.parameters():
        parameter.data.normal_(0, 0.1)
    save_file(narrow.state_dict(), str(tmp_path / "narrow.safetensors"))
    wide, same = SecondCodec(replace(TINY, hidden=10)), SecondCodec(replace(TINY, hidden=2))
    wide.load(tmp_path / "narrow.safetensors")
    same.load(tmp_path / "narrow.safetensors")
    assert (wide.shape.hidden, same.shape.hidden) == (10, 6)
    latents = 2 * torch.randn(2, 8, 6, 6)
    coded = run(narrow.rate, latents)
    for codec in (wide, same):
        assert all(
            torch.allclose(*pair, atol=1e-5)
            for pair in zip(run(codec.rate, latents), coded, strict=True)
        )
    assert wide.rate.networks[3].gather.weight[6:].abs().min() > 0
    save_file(wide.state_dict(), str(tmp_path / "wide.safetensors"))
    narrow.load_rate(tmp_path / "wide.safetensors")
    assert narrow.shape.hidden == narrow.rate.hidden == 10
