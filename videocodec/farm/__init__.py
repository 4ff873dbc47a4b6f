"""Encoding on many machines: a plan, a worker for any chunk of it, and the merge of all chunks.

Nothing here talks to a cluster.  A plan is a file, a store is a folder or an address that fsspec
knows, and whatever can start a command once for every number drives the rest.
"""
