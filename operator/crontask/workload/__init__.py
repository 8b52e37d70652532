"""The pod of a run: pure builders, one for each handler variant."""
