"""A page on this machine that shows a latent-video file frame by frame: server, protocol and what
the page is told.  Imports nothing.
"""
