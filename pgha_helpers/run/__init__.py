"""One run: what was typed, its journal, its lock, and the doors that it holds open.

Pair files and parameters are read strictly in `parameters/`; what a run writes or says goes through
`redaction.py`. May import `model`, `wire` and `judgement`. A new parameter of a notebook is a field
in `parameters/notebooks.py`.
"""
