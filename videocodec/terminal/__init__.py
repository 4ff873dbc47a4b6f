"""A player in a terminal: frames as coloured half blocks, for people on ssh.

Written on the standard library: what a library for terminals would save are the thirty lines of
``keys``, while drawing pictures and leaving the terminal in order whatever happens would remain to
be done.
"""
