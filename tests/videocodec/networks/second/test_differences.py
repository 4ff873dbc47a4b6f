"""Networks that see how neighbours differ from the middle."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bitstream.v2.difference_taps import own_taps
from bitstream.v2.scan import LATTICE, NewPositions, ScanPass
from videocodec.errors import UnknownModelError
from videocodec.networks.second.codec import SecondCodec
from videocodec.networks.second.differences import DifferenceNetwork

from .test_codec import TINY, run


@pytest.mark.parametrize("scan_pass", LATTICE[-2:], ids=["odd rows and columns", "odd sums"])
def test_differences_are_from_what_is_next_to_a_position(scan_pass: ScanPass) -> None:
    """One input at a time, place by place."""
    network, step = DifferenceNetwork(1, 1, hidden=1), torch.zeros(1)
    values = torch.randn(1, 2, 8, 9, generator=torch.Generator().manual_seed(5)) * 9
    mask = torch.from_numpy(scan_pass.mask(8, 9))
    both_odd = scan_pass.new is NewPositions.BOTH_ODD
    rows, columns = torch.arange(8)[:, None] % 2, torch.arange(9) % 2
    known = (rows | columns) == 0 if both_odd else (rows ^ columns) == 0
    own = torch.where(known, values[:, 1:], 0)
    square = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3) if dy or dx]
    for tap in (0, 7, 20, 24, 27, 28, 33, 37, 39):
        with torch.no_grad():
            network.direct.weight.zero_()[0, tap] = 1
            found = network(values[:, :1], own, scan_pass, step)[0][0, 0]
        assert not found[~mask].any()
        for row, column in mask.nonzero().tolist():
            plane, offset = (
                values[0, 0],
                square[tap] if tap < 24 else own_taps(scan_pass.new)[tap - 24],
            )
            middle = plane[row, column]
            if tap >= 24:
                plane = own[0, 0]
                at = [(row + dy, column + dx) for dy, dx in own_taps(scan_pass.new)[:4]]
                middle = torch.stack(
                    [plane[r, c] for r, c in at if 0 <= r < 8 and 0 <= c < 9]
                ).mean()
            r, c = row + offset[0], column + offset[1]
            expected = plane[r, c] - middle if 0 <= r < 8 and 0 <= c < 9 else torch.zeros(())
            assert torch.allclose(found[row, column], expected, atol=1e-5)
            assert tap < 24 or not (0 <= r < 8 and 0 <= c < 9) or known[r, c]


def test_weights_without_difference_networks_begin_with_some_that_add_nothing(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    before, after = SecondCodec(TINY), SecondCodec(TINY)
    for parameter in before.rate.nets.parameters():
        parameter.data.normal_(0, 0.1)
    state = {n: v for n, v in before.state_dict().items() if "differences" not in n}
    save_file(state, str(tmp_path / "before.safetensors"))
    after.load(tmp_path / "before.safetensors")
    latents = 2 * torch.randn(1, 8, 6, 6)
    assert all(
        torch.equal(*pair)
        for pair in zip(run(before.rate, latents), run(after.rate, latents), strict=True)
    )
    del state["rate.nets.0.mix.weight"]
    save_file(state, str(tmp_path / "broken.safetensors"))
    with pytest.raises(UnknownModelError, match="broken.safetensors: no weights"):
        after.load(tmp_path / "broken.safetensors")
