"""The limit of events: against a bucket that is counted token by token, and without growing for ever."""

from hypothesis import given
from hypothesis import strategies as st

from crontask.engine import event_limit
from crontask.engine.event_limit import EventLimit


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
    limit, buckets, now = EventLimit(), {"a": Bucket(), "b": Bucket()}, 0
    for pause, subject in story:
        # Mostly at once, else whole tokens later: exact in floats.
        now += max(0, pause - 300) * 10
        assert limit.allows(subject, now) == buckets[subject].take(now)


def test_those_that_could_have_all_again_are_forgotten() -> None:
    limit = EventLimit()
    for number in range(100 * event_limit._MANY):
        assert limit.allows(number, float(number))
    assert len(limit._full_at) <= 2 * event_limit._MANY
