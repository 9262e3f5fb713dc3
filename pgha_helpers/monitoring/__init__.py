"""How a pair is told to the world outside: its status, and notices to those who are not here.

Nothing in here changes a pair. What is judged is judged in `judgement`; this room looks, asks the
records, and puts it into the form that a reader wants, or sends it. `ready.py` and `trends.py` are
words of verify. May import every room. A new
form is a file, and an option in `commands.py`; a new occasion for a notice is a rule in
`judgement/notices.py`.
"""
