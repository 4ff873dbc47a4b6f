"""The encoder: motion search, mode decision, quantisation, and the streaming pipeline around
them.
"""
