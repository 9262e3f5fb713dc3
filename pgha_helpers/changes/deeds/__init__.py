"""Changing: each function is a deed.

It looks, acts where that is needed, and looks again before claiming success.
"""
