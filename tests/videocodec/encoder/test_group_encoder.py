"""What a pace may ask of the group encoder: another crf for every unit, and to code one again as if
it had never been.
"""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.latent_decoder import LatentDecoder
from bitstream.v1.block_fields import Mode
from bitstream.v1.quantiser import step_latent
from videocodec.decoder.unit_decoder import UnitDecoder
from videocodec.encoder.aiming import CodedVersion, Look
from videocodec.encoder.frame_encoder import EncoderHelpers
from videocodec.encoder.frame_plan import EncoderFrame
from videocodec.encoder.group_encoder import GroupEncoder
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.settings import USUAL_KEYFRAME_OFFSET, EncoderSettings

CRFS = [30, 25, 35, 28, 31] * 5


class Pace:
    """Asks for the crfs given, one per unit, and refuses every unit as often as it is told to."""

    def __init__(self, crfs: list[int], refusals: int) -> None:
        self._crfs, self._refusals, self._refused = crfs, refusals, 0
        self.asked: list[int] = []

    @property
    def is_constant(self) -> bool:
        return False

    def crf(self, frames: int) -> int:
        self.asked.append(frames)
        return 60 if self._refused < self._refusals else self._crfs[0]

    def accepts(self, unit: AccessUnit) -> bool:
        self._refused += 1
        if self._refused <= self._refusals:
            return False
        self._refused = 0
        self._crfs.pop(0)
        return True


def code(linear_codec, smooth, refusals: int) -> tuple[list[AccessUnit], Pace]:
    header, settings = linear_codec.header(96, 64), EncoderSettings(group_size=8, keyframe_offset=6)
    search, pace = (
        MotionSearch.for_header(header, settings.effort.flow_preset),
        Pace(CRFS.copy(), refusals),
    )
    encoder = GroupEncoder(linear_codec.tables, header, settings, search, pace=pace)
    whole = smooth(64 + 25, 96 + 25, 3)
    pictures = [whole[index : index + 64, index : index + 96] for index in range(25)]
    frames = [
        EncoderFrame(linear_codec.latents(p), search.luma(p), index, 1)
        for index, p in enumerate(pictures)
    ]
    return [unit for frame in frames for unit in encoder.push(frame)] + encoder.finish(), pace


def test_every_unit_is_coded_at_the_crf_that_its_pace_names(linear_codec, smooth) -> None:
    units, pace = code(linear_codec, smooth, 0)
    first, *others = [EncoderSettings(crf=crf) for crf in CRFS[: len(units)]]
    assert len(others) >= 3
    assert [unit.quantisers[0] for unit in units] == [
        first.inter_quantiser - 6,
        *(settings.inter_quantiser for settings in others),
    ]
    assert pace.asked == [unit.frame_count for unit in units]


def test_a_unit_that_was_refused_leaves_no_trace(linear_codec, smooth) -> None:
    once, _ = code(linear_codec, smooth, 0)
    often, pace = code(linear_codec, smooth, 2)
    assert [unit.to_bytes() for unit in often] == [unit.to_bytes() for unit in once]
    assert len(pace.asked) == 3 * len(once)


class TestKeyframes:
    """How fine a keyframe is depends on what lives on it."""

    @staticmethod
    def keyframe_quantiser(linear_codec, pictures: list[np.ndarray], **settings: object) -> int:
        header, settings = linear_codec.header(96, 64), EncoderSettings(crf=30, **settings)
        search = MotionSearch.for_header(header, settings.effort.flow_preset)
        encoder = GroupEncoder(linear_codec.tables, header, settings, search)
        frames = [
            EncoderFrame(linear_codec.latents(p), search.luma(p), index, 1)
            for index, p in enumerate(pictures)
        ]
        units = [unit for frame in frames for unit in encoder.push(frame)] + encoder.finish()
        assert sum(unit.frame_count for unit in units) == len(pictures)
        return EncoderSettings(crf=30).inter_quantiser - units[0].quantisers[0]

    def test_a_still_scene_earns_a_finer_one_than_a_short_or_a_changing_one(
        self, linear_codec, smooth
    ) -> None:
        still, others = smooth(64, 96, 1), [smooth(64, 96, seed) for seed in range(2, 18)]
        long, short, changing = (
            self.keyframe_quantiser(linear_codec, pictures)
            for pictures in ([still] * 17, [still] * 3, [still, *others])
        )
        assert long > short >= changing

    def test_alone_it_is_as_fine_as_usual(self, linear_codec, smooth) -> None:
        assert self.keyframe_quantiser(linear_codec, [smooth(64, 96, 1)]) == USUAL_KEYFRAME_OFFSET

    def test_a_fixed_offset_is_kept(self, linear_codec, smooth) -> None:
        assert (
            self.keyframe_quantiser(linear_codec, [smooth(64, 96, 1)] * 17, keyframe_offset=3) == 3
        )


@pytest.mark.parametrize(("generation", "marks"), [(1.0, False), (0.05, True)])
def test_blocks_are_marked_where_the_settings_trust_a_restoration(
    linear_codec, smooth, generation: float, marks: bool
) -> None:
    header, settings = linear_codec.header(96, 64), EncoderSettings(crf=30, generation=generation)
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    encoder = GroupEncoder(linear_codec.tables, header, settings, search)
    pictures = [smooth(64, 96, 1)] + [
        np.where(np.arange(96)[:, None] < 48, smooth(64, 96, 1), smooth(64, 96, 2))
    ] * 4
    frames = [
        EncoderFrame(linear_codec.latents(p), search.luma(p), index, 1)
        for index, p in enumerate(pictures)
    ]
    units = [unit for frame in frames for unit in encoder.push(frame)] + encoder.finish()
    decoder = LatentDecoder(linear_codec.tables)
    modes = [frame.fields.modes for unit in units for frame in decoder.decode(unit)]
    assert np.any(np.stack(modes) == Mode.GENERATE) == marks


class Silent:
    """A judge that does not say what pictures cost."""

    def cost(self, coded: CodedVersion, picture) -> None:
        return None


class TestJudged:
    """Frames that a judge looks at are coded again and again, and leave no trace of it but better
    latents.
    """

    @staticmethod
    def code(linear_codec, smooth, judge, preset: str = "slower") -> list[AccessUnit]:
        header, settings = (
            linear_codec.header(96, 64),
            EncoderSettings(crf=30, preset=preset, group_size=8),
        )
        search = MotionSearch.for_header(header, settings.effort.flow_preset)
        encoder = GroupEncoder(
            linear_codec.tables, header, settings, search, helpers=EncoderHelpers(judge=judge)
        )
        whole = smooth(64 + 18, 96 + 18, 3)
        pictures = [whole[i : i + 64, i : i + 96] for i in range(18)]
        frames = [
            EncoderFrame(linear_codec.latents(p), search.luma(p), i, 1, p)
            for i, p in enumerate(pictures)
        ]
        return [unit for frame in frames for unit in encoder.push(frame)] + encoder.finish()

    def test_one_that_finds_nothing_changes_nothing_and_saw_what_is_decoded(
        self, linear_codec, smooth
    ) -> None:
        seen: dict[bytes, list[CodedVersion]] = {}

        class Judge(Silent):
            def look(self, aim, coded: CodedVersion, picture, rounds: int) -> Look:
                seen.setdefault(picture.tobytes(), []).append(coded)
                return Look(aim)

        units = self.code(linear_codec, smooth, Judge())
        assert [unit.to_bytes() for unit in units] == [
            unit.to_bytes() for unit in self.code(linear_codec, smooth, None)
        ]
        decoder, whole = UnitDecoder(linear_codec.tables, 2), smooth(64 + 18, 96 + 18, 3)
        frames = [frame for unit in units for frame in decoder.decode(unit, 1)]
        assert len(frames) == len(seen) == 18
        assert any(not frame.latent.fields.coded.all() for frame in frames)
        for i, frame in enumerate(frames):
            for coded in seen[whole[i : i + 64, i : i + 96].tobytes()]:
                assert np.array_equal(coded.frame.latents, frame.latent.latents)
                assert np.array_equal(coded.quantisers, frame.quantiser_map)
                assert np.array_equal(
                    coded.sent, frame.latent.fields.coded.repeat(2, 0).repeat(2, 1)
                )
                assert (coded.prediction is None) == (i == 0)

    @pytest.mark.parametrize(("preset", "between"), [("fast", 0), ("medium", 1), ("slower", 2)])
    def test_presets_say_how_often(self, linear_codec, smooth, preset: str, between: int) -> None:
        looks = {True: 0, False: 0}

        class Judge(Silent):
            def look(self, aim, coded: CodedVersion, picture, rounds: int) -> Look:
                assert rounds == (8 if coded.prediction is None else between)
                looks[coded.prediction is None] += 1
                return Look(aim)

        self.code(linear_codec, smooth, Judge(), preset)
        assert looks == {True: 8, False: 17 * between}

    def test_what_it_wants_is_aimed_at(self, linear_codec, smooth) -> None:
        """One that wants brighter pictures gets them: errors of the source's own latents are then
        no longer the least.
        """

        class Judge(Silent):
            def look(self, aim, coded: CodedVersion, picture, rounds: int) -> Look:
                brighter = np.zeros_like(aim)
                brighter[0] = 0.5 * step_latent(coded.frame.quantiser) / rounds
                return Look(aim + brighter * coded.sent)

        means = []
        for chosen in (None, Judge()):
            decoder = UnitDecoder(linear_codec.tables, 2)
            units = self.code(linear_codec, smooth, chosen)
            means.append(
                np.mean(
                    [
                        frame.latent.latents[0].mean()
                        for unit in units
                        for frame in decoder.decode(unit, 1)
                    ]
                )
            )
        assert means[1] > means[0]
