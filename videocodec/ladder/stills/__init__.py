"""The ladder of still pictures: bytes are halved again and again, with every codec, until none has
a file so small.
"""
