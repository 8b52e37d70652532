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
    known = vars(FanOut)["letters"].func

    def planted(self: FanOut) -> str:
        gone = {index for index, failure in self.failures.items() if failure.reason == "PartGone"}
        return "".join(TO_COME if index in gone else letter for index, letter in enumerate(known(self)))

    patch.setattr(FanOut, "letters", property(planted))


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
