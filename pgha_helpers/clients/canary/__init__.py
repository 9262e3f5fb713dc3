"""The canary: a client of our own that writes through a switchover, and what it saw of the outage.

It is a process of its own: a cell that draws or imports would hold a thread of the kernel up, and
that would look like an outage. What it knows goes into a file without a name, so a run that is
killed leaves nothing behind.
"""
