"""May we, and what would be done: pure functions of a snapshot, which is all that they know.

`checks/` says why not, in a sentence with the number in it; `plans/` says what would be done, or
refuses. May import `model`, and nothing else. A new check is a function in the file of its subject
in `checks/`, and its name in `checks/checklists.py`; a new plan is a file in `plans/`.
"""
