"""HDR pictures (PQ and HLG, BT.2020) as SDR pictures (BT.709).

Display light by SMPTE ST 2084 and Rec. ITU-R BT.2100; the curve of Rec. ITU-R BT.2390-11 (section
5.4.1) from the source's peak to 203 cd/m², which Rec. ITU-R BT.2408 has for the white of SDR;
BT.2020 to BT.709 by Rec. ITU-R BT.2087; and the inverse of BT.1886's display.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .colour import TRANSFER_HLG

SDR_WHITE = 203.0  # cd/m²
USUAL_PEAK = 1000.0  # cd/m², of sources that do not say
_HIGHEST_PEAK = 10000.0  # cd/m², of PQ
_DISPLAY_GAMMA = 2.4  # BT.1886
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2  # BT.2100, of the nominal display
_LUMA = np.array([0.2627, 0.6780, 0.0593], dtype=np.float32)  # BT.2020
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    dtype=np.float32,
)
_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32

Floats = npt.NDArray[np.float32]


def pq_to_light(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """cd/m² of PQ signals, 0..1."""
    power = signal ** (1 / _PQ_M2)
    return np.asarray(
        _HIGHEST_PEAK * (np.maximum(power - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * power)) ** (1 / _PQ_M1)
    )


def light_to_pq(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """PQ signals, 0..1, of cd/m²."""
    power = (np.clip(light, 0, _HIGHEST_PEAK) / _HIGHEST_PEAK) ** _PQ_M1
    return np.asarray(((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2)


def hlg_to_scene(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scene light, 0..1, of HLG signals, 0..1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.asarray(np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12))


def compressed(light: npt.NDArray[np.float64], peak: float) -> npt.NDArray[np.float64]:
    """cd/m² on a display that reaches ``SDR_WHITE``, of those on one that reaches ``peak``
    (BT.2390): dark and middle tones stay, bright ones bend.
    """
    if peak <= SDR_WHITE:
        return np.minimum(light, SDR_WHITE)
    top = light_to_pq(np.array(peak))
    signal = np.minimum(light_to_pq(light) / top, 1)
    most = light_to_pq(np.array(SDR_WHITE)) / top
    knee = 1.5 * most - 0.5
    t = np.maximum(signal - knee, 0) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * most
    )
    return pq_to_light(np.where(signal < knee, signal, bent) * top)


class ToneMapper:
    """Tone mapping of pictures with one transfer function (code point of H.273) and one peak,
    cd/m².
    """

    def __init__(self, transfer: int, peak: float = USUAL_PEAK) -> None:
        self._is_hlg = transfer == TRANSFER_HLG
        self.peak = _HLG_PEAK if self._is_hlg else min(max(peak, SDR_WHITE), _HIGHEST_PEAK)
        codes = np.arange(1 << 16) / 65535
        linear = hlg_to_scene(codes) if self._is_hlg else pq_to_light(codes)
        self._linear = linear.astype(np.float32)
        # by how much to multiply, by the brightest of the three channels; evenly spaced in PQ
        self._signals = np.linspace(0, 1, 4096)
        light = np.maximum(pq_to_light(self._signals), 1e-6)
        self._lights = light
        self._factors = compressed(light, self.peak) / light

    def __call__(self, rgb: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
        """Full-range signals of BT.709, of those of BT.2020; both uint16 height × width × 3."""
        light: Floats = self._linear[rgb]
        if self._is_hlg:
            luma = light @ _LUMA
            light *= (_HLG_PEAK * luma ** np.float32(_HLG_GAMMA - 1))[..., None]
        factor = np.interp(light.max(axis=-1), self._lights, self._factors).astype(np.float32)
        light = (light * (factor / np.float32(SDR_WHITE))[..., None]) @ _TO_BT709.T
        signal = np.clip(light, 0, 1) ** np.float32(1 / _DISPLAY_GAMMA)
        return np.asarray(np.rint(signal * 65535), dtype=np.uint16)
