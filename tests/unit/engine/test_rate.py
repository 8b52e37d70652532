"""How often something may be written: against a bucket that is counted token by token, and without growing for ever."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from crontask.engine import rate
from crontask.engine.rate import Rate


class Bucket:
    """25 tokens at most; one more each 10 seconds in which it is not full."""

    def __init__(self) -> None:
        self.tokens, self.since = 25.0, 0.0

    def take(self, now: float) -> bool:
        self.tokens, self.since = min(25.0, self.tokens + (now - self.since) / 10), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from("ab")), max_size=200))
def test_as_a_bucket_of_tokens(story: list[tuple[int, str]]) -> None:
    limits, buckets, now = Rate(25, 10.0), {"a": Bucket(), "b": Bucket()}, 0
    for pause, subject in story:
        # Mostly at once, else whole tokens later: exact in floats.
        now += max(0, pause - 300) * 10
        wait = limits.wait(subject, now)
        assert (wait == 0.0) == buckets[subject].take(now)
        if wait:
            # Then, and not before. Whole seconds: exact in floats.
            assert limits.wait(subject, now + wait - 1) == 1.0


@given(st.floats(0, 1e7), st.floats(0, 5))
def test_who_has_waited_waits_no_more(now: float, pause: float) -> None:
    limits = Rate(10, 1.0)
    while not (wait := limits.wait("a", now)):
        now += pause / 100
    # As the engine waits: to the microsecond.
    waited = timedelta(seconds=wait)
    assert waited
    assert limits.wait("a", now + waited.total_seconds()) == 0.0


def test_those_that_could_have_all_again_are_forgotten() -> None:
    limits = Rate(25, 10.0)
    for number in range(100 * rate._MANY):
        assert limits.wait(number, float(number)) == 0.0
    assert len(limits._full_at) <= 2 * rate._MANY
