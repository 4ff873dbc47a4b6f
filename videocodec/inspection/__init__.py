"""What is in a file, whether it is whole, and what of it can be recovered: a module for each of the
commands ``info``, ``verify`` and ``repair``.  No torch.
"""
