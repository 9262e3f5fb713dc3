"""A record while it is made: begun, written beside the run, summarised, concluded."""
