"""The integer world: syntax, entropy coding, prediction and reconstruction of latents, and the MP4
container.

Nothing here imports torch, and everything here is exact: the same bytes give the same integers on
every machine.
"""
