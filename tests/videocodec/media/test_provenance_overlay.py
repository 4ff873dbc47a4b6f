"""The map over the picture: one still sees the picture, and everyone tells the three kinds
apart.
"""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.media.provenance_overlay import draw_provenance

from .conftest import flat, picture

TRANSMITTED, PREDICTED, GENERATED = range(3)
LUMA = np.array([0.299, 0.587, 0.114])


def uniform(width: int, height: int, kind: int) -> np.ndarray:
    return np.full((-(-height // 8), -(-width // 8)), kind, np.uint8)


def hues(width: int = 96, height: int = 64, grey: int = 120) -> list[np.ndarray]:
    """Mean colour of a grey picture under each kind."""
    return [
        draw_provenance(flat(width, height, (grey,) * 3), uniform(width, height, kind)).mean((0, 1))
        for kind in range(3)
    ]


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (1, 1), (9, 130), (321, 200)])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_the_shape_stays_and_the_arguments_are_left_alone(
    size: tuple[int, int], turns: int
) -> None:
    rgb, provenance = (
        picture(*size),
        np.random.default_rng(0).integers(
            0, 3, (-(-size[1] // 8), -(-size[0] // 8)), dtype=np.uint8
        ),
    )
    before = rgb.copy(), provenance.copy()
    drawn = draw_provenance(rgb, provenance, turns)
    assert (drawn.shape, drawn.dtype) == (rgb.shape, np.uint8)
    assert np.array_equal(rgb, before[0]) and np.array_equal(provenance, before[1])
    assert np.array_equal(drawn, draw_provenance(np.asfortranarray(rgb), provenance, turns))


@pytest.mark.parametrize("kind", [TRANSMITTED, PREDICTED])
def test_light_and_dark_are_those_of_the_picture(kind: int) -> None:
    rgb = picture(96, 64)
    luma, drawn = rgb @ LUMA, draw_provenance(rgb, uniform(96, 64, kind)) @ LUMA
    slope, start = np.polyfit(luma.ravel(), drawn.ravel(), 1)
    assert 0.6 < slope <= 1
    assert np.abs(slope * luma + start - drawn).max() < 2


@pytest.mark.parametrize("grey", [0, 120, 255])
def test_transmitted_and_predicted_differ_where_the_colour_blind_see_it(grey: int) -> None:
    """Orange against blue: yellowness is what people without red or green cones have left."""
    transmitted, predicted, _ = hues(grey=grey)
    yellowness = [(colour[0] + colour[1]) / 2 - colour[2] for colour in (transmitted, predicted)]
    assert yellowness[0] > 30 and yellowness[1] < -30


@pytest.mark.parametrize("grey", [0, 120, 255])
def test_generated_is_hatched_and_so_told_from_the_others_without_colours(grey: int) -> None:
    contrast = [
        np.std(draw_provenance(flat(96, 64, (grey,) * 3), uniform(96, 64, kind)) @ LUMA)
        for kind in range(3)
    ]
    assert contrast[GENERATED] > 15
    assert max(contrast[TRANSMITTED], contrast[PREDICTED]) < 1


def test_a_line_of_black_and_white_runs_where_kinds_meet_and_nowhere_else() -> None:
    provenance = uniform(96, 64, PREDICTED)
    provenance[2:4, 3:5] = TRANSMITTED
    drawn = draw_provenance(flat(96, 64, (120,) * 3), provenance).astype(int)
    extreme = (drawn.max(-1) == drawn.min(-1)) & np.isin(drawn[..., 0], (0, 255))
    rows, columns = np.nonzero(extreme)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (15, 32, 23, 40)
    assert not extreme[17:31, 25:39].any()
    assert drawn[20, 23, 0] == 0 and drawn[20, 24, 0] == 255


def test_the_tint_follows_the_map() -> None:
    provenance = uniform(96, 64, PREDICTED)
    provenance[:, :6] = TRANSMITTED
    drawn = draw_provenance(flat(96, 64, (120,) * 3), provenance).astype(int)
    assert np.all(drawn[:, :46, 0] > drawn[:, :46, 2]) and np.all(
        drawn[:, 50:, 0] < drawn[:, 50:, 2]
    )


class TestLegend:
    @staticmethod
    def place(width: int, height: int, turns: int = 0) -> np.ndarray:
        """(H, W) bool: what differs between two maps whose shares differ and that are the same in
        the right half.
        """
        rgb = flat(width, height, (120, 120, 120))
        without = draw_provenance(
            flat(152, height, (120, 120, 120)), uniform(152, height, PREDICTED)
        )[0, 0]
        return np.any(
            draw_provenance(rgb, uniform(width, height, PREDICTED), turns) != without, axis=-1
        )

    def test_it_stands_in_the_lower_left_corner(self) -> None:
        rows, columns = np.nonzero(self.place(320, 200))
        assert rows.max() == 199 and rows.min() > 100 and columns.min() == 0 and columns.max() < 200

    def test_small_pictures_have_none(self) -> None:
        assert not self.place(159, 200).any()
        assert self.place(160, 200).any()
        assert not self.place(320, 24).any()

    def test_it_is_upright_after_a_player_turned_the_picture(self) -> None:
        upright, turned = self.place(200, 320), self.place(320, 200, turns=1)
        assert np.array_equal(np.rot90(turned), upright)

    def test_it_tells_the_shares_of_the_frame(self) -> None:
        """Text is not read here, but other shares are other text."""
        rgb, one, other = (
            flat(320, 200, (120,) * 3),
            uniform(320, 200, PREDICTED),
            uniform(320, 200, PREDICTED),
        )
        other[:5, 30:] = TRANSMITTED
        drawn = [draw_provenance(rgb, provenance) for provenance in (one, other)]
        assert np.any(drawn[0][120:, :160] != drawn[1][120:, :160])


@pytest.mark.parametrize(
    ("rgb", "provenance", "complaint"),
    [
        (
            np.zeros((16, 16), np.uint8),
            np.zeros((2, 2), np.uint8),
            r"rgb must be \(H, W, 3\) uint8",
        ),
        (
            np.zeros((16, 16, 3), np.float32),
            np.zeros((2, 2), np.uint8),
            r"rgb must be \(H, W, 3\) uint8",
        ),
        (
            np.zeros((16, 17, 3), np.uint8),
            np.zeros((2, 2), np.uint8),
            r"provenance must be \(2, 3\) uint8 below 4",
        ),
        (np.zeros((16, 16, 3), np.uint8), np.zeros((2, 2), np.int64), r"got shape \(2, 2\) int64"),
        (np.zeros((16, 16, 3), np.uint8), np.full((2, 2), 4, np.uint8), "uint8 below 4"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    rgb: np.ndarray, provenance: np.ndarray, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        draw_provenance(rgb, provenance)
