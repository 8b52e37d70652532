"""What should happen: pure functions of what is known and of the time. No I/O, no clock, no randomness.

`decide_task` and `decide_run` compose small policies, one a file.
"""
