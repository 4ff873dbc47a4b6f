"""Judges of pictures: distances between a decoded picture and its source, all with a gradient.

None of them is part of the codec: no stream needs them, and weights are files that the user names.
"""

SMALLEST_SIDE = 33  # px a side that SqueezeNet's pools need; here, since no torch is needed to ask
