"""The runner: the program in the pod of a run whose handler is `http` or `python`.

It knows the operator only by its environment and by the termination message, so that it starts fast and can live in an
image of its own: nothing here imports the rest of crontask.
"""
