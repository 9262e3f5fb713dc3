"""One run: what was typed, its journal, its lock, and the doors that it holds open.

`run.py` is what every verb takes; `gate.py` what was agreed, `seen.py` what was read and still
holds, `history.py` what a run may ask of earlier ones, as an object that it begins with. Pair files
and parameters are read strictly in `parameters/`; what a run writes or says goes through
`redaction.py`. May import `model`, `wire` and `judgement`. A new parameter of a notebook is a field
in `parameters/notebooks.py`.
"""
