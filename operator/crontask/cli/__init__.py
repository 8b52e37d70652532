"""The `crontask` command.

Callers: the console script.
"""
