"""Numba loops over plain arrays: no files, no options, no names."""
