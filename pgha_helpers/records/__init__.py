"""What a run leaves, and who reads it: a folder with its journal, its charts and its notebook.

`making/` begins and concludes a run, writes its folder and seals it with its report; `engine/`
executes the notebook; `reading/` lists, compares, shows and verifies. May import every room below
it. A new figure of the record is a line in `making/summary.py` and a place in a template of
`reading/templates/`.
"""
