"""Plain torch modules: the shapes of the embedded networks, without any interface or file format
around them.
"""
