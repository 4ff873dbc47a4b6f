"""How the tests of the farm encode: as fast as can be, in many chunks."""

from videocodec.presets import Preset

GOP_SIZE = 4
PRESET: Preset = "ultrafast"
