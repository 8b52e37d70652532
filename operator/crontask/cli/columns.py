"""Aligned columns, as kubectl prints them: three spaces apart, no borders, nothing after the last."""

from collections.abc import Iterable, Sequence

_APART, _NARROWEST = 3, 6


def aligned(rows: Iterable[Sequence[str]], indent: str = "") -> list[str]:
    """The rows as lines; each has as many cells as the first."""
    rows = list(rows)
    widths = [max(_NARROWEST, *(len(cell) + _APART for cell in column)) for column in zip(*rows, strict=True)]
    return [
        indent + "".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)) + row[-1]
        for row in rows
    ]
