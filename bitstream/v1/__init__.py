"""Format version 1, frozen: block layer, levels, prediction, entropy coding, and their tables.

Its files decode to the same integers for ever (tests/conformance/v1), so nothing here may change
what bytes mean.  ``bitstream.formats`` hands out what the rest of the program needs of it.
"""
