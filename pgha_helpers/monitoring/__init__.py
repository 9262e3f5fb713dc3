"""How a pair is told to the world outside: its status, in a terminal and to other programs.

Nothing in here changes a pair. What is judged is judged in `judgement`; this room looks, asks the
records, and puts it into the form that a reader wants. May import every room. A new form is a file,
and an option in `commands.py`.
"""
