"""Fixed rate: anchor + k * interval, for k from a first one on. Pure arithmetic in seconds since 1970 UTC.

Role: a missed tick never shifts the following ones, since each is computed from the anchor.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ticks:
    """The ticks anchor + k * interval with k >= first_k. Seconds since 1970; interval >= 1."""

    anchor: int
    interval: int
    first_k: int

    def number_after(self, second: int) -> int:
        """The k of the first tick > `second`."""
        return max((second - self.anchor) // self.interval + 1, self.first_k)

    def at(self, k: int) -> int:
        """The second of tick k."""
        return self.anchor + k * self.interval
