"""Which numbers a manifest may have."""

WHOLE = range(-(2**63), 2**63)
"""The whole numbers that the API server keeps as they are: 64 bits with a sign. Others it rounds in silence."""
