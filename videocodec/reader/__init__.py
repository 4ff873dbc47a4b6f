"""Frames of a latent-video file by number and by time: index, caches, read-ahead, and
``VideoReader`` over them.
"""
