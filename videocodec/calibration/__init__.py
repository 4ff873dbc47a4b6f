"""Fitting the codec tables of a model bundle: phase filters, context networks, initial probability
tables.
"""
