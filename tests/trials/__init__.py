"""Trials: `make trials`. What the tests do once, again and again; pytest does not collect them."""
