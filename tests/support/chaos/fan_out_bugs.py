"""Faults that could be in the policy of fan-outs, planted one at a time, to see that the simulator finds them."""

from collections.abc import Callable

import pytest

from crontask.decide.composite.fan_out import FanOut
from crontask.decide.composite.letters import OPEN, TO_COME

Plant = Callable[[pytest.MonkeyPatch], None]


def item_counted_twice(patch: pytest.MonkeyPatch) -> None:
    """What an item has counted is added as long as its run is there, whatever the status has of it."""

    def planted(self: FanOut) -> tuple[int, ...]:
        return tuple(index for index, letter in enumerate(self.letters) if letter not in OPEN)

    patch.setattr(FanOut, "newly_ended", property(planted))


def gone_item_made_again(patch: pytest.MonkeyPatch) -> None:
    """An item whose run is gone starts anew."""
    letter = FanOut._letter

    def planted(self: FanOut, index: int, before: str) -> str:
        failure = self.failures.get(index)
        return TO_COME if failure is not None and failure.reason == "PartGone" else letter(self, index, before)

    patch.setattr(FanOut, "_letter", planted)


def one_too_many(patch: pytest.MonkeyPatch) -> None:
    """One more item is under way than may be."""
    known = vars(FanOut)["for_each"].fget

    def planted(self: FanOut) -> object:
        asked = known(self)
        return asked.model_copy(update={"parallelism": asked.parallelism + 1})

    patch.setattr(FanOut, "for_each", property(planted))


FAN_OUT_BUGS: dict[str, Plant] = {
    plant.__name__: plant for plant in (item_counted_twice, gone_item_made_again, one_too_many)
}
