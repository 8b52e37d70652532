"""What is sent again, and when: without a socket."""

from dataclasses import replace

import pytest

from crontask.api.resources import CRON_TASK
from crontask.client import errors, requests
from crontask.client.answers import Lines
from crontask.client.grants import Grant, Login
from crontask.client.sending import Backoff, Sending

GET = requests.get(CRON_TASK, "nightly", "default")
CREATE = requests.create(CRON_TASK, {"metadata": {"name": "nightly"}}, "default")
LOGIN = Login(lambda: Grant("Bearer a"))


def lost() -> errors.Unreachable:
    return errors.Unreachable(GET.asked, "cut", sent=True)


def busy(after: float) -> errors.TooManyRequests:
    error = errors.TooManyRequests(GET.asked, 429, "", "busy")
    error.retry_after = after
    return error


def test_without_a_timeout_there_is_always_time_left() -> None:
    sending = Sending(GET, LOGIN, None, now=0)
    assert sending.left(1e9) is None
    assert sending.pause(busy(3600), None, 1e9) == 3600
    assert str(sending.timeout(sent=True)).endswith("no whole answer: the connection is dead")


def test_once_the_time_is_over_it_is_said_what_went_wrong_last() -> None:
    sending = Sending(GET, LOGIN, 10, now=100)
    assert sending.left(104) == 6
    cut = lost()
    sending.pause(cut, None, 105)
    with pytest.raises(errors.Unreachable) as caught:
        sending.left(110)
    assert caught.value is cut


@pytest.mark.parametrize(
    ("timeout", "within", "left"), [(None, 2, 2), (10, 2, 2), (1, 2, 1), (10, None, 10), (None, None, None)]
)
def test_a_request_may_say_how_long_its_answer_is_wanted(
    timeout: float | None, within: float | None, left: float | None
) -> None:
    assert Sending(replace(GET, within=within), LOGIN, timeout, now=100).left(100) == left


def test_a_pause_that_would_outlast_the_timeout_is_not_made() -> None:
    sending = Sending(GET, LOGIN, 10, now=100)
    with pytest.raises(errors.TooManyRequests):
        sending.pause(busy(6), None, 105)
    assert Sending(GET, LOGIN, 10, now=100).pause(busy(4), None, 105) == 4


def test_what_fails_after_a_lost_answer_is_said_to_be_repeated() -> None:
    sending = Sending(GET, LOGIN, 10, now=0)
    first = lost()
    sending.pause(first, None, 0)
    exists = errors.AlreadyExists(GET.asked, 409, "AlreadyExists", "there")
    with pytest.raises(errors.AlreadyExists):
        sending.pause(exists, None, 0)
    assert (first.repeated, exists.repeated) == (False, True)


def test_a_server_that_was_busy_has_done_nothing() -> None:
    sending = Sending(CREATE, LOGIN, 10, now=0)
    sending.pause(busy(0), None, 0)
    exists = errors.AlreadyExists(CREATE.asked, 409, "AlreadyExists", "there")
    with pytest.raises(errors.AlreadyExists):
        sending.pause(exists, None, 0)
    assert not exists.repeated


def test_pauses_become_longer_up_to_a_limit() -> None:
    backoff = Backoff(longest=2.0)
    pauses = [backoff.pause() for _ in range(8)]
    assert pauses[0] == 0
    assert pauses == sorted(pauses)
    assert 0.2 <= pauses[1] <= 0.3
    assert pauses[-1] == 2.0
    backoff.reset()
    assert backoff.pause() == 0


@pytest.mark.parametrize(
    ("chunks", "lines", "rest"),
    [
        ([b"a\nb\n"], [b"a", b"b"], b""),
        ([b"a", b"b\nc", b"", b"d"], [b"ab"], b"cd"),
        ([b"\n\n"], [b"", b""], b""),
        ([], [], b""),
    ],
)
def test_lines_come_whole(chunks: list[bytes], lines: list[bytes], rest: bytes) -> None:
    cutter = Lines()
    assert [line for chunk in chunks for line in cutter.add(chunk)] == lines
    assert cutter.rest == rest


@pytest.mark.parametrize(
    ("chunks", "lines", "rest"),
    [
        ([b"abcd\n"], [b"abcd"], b""),
        ([b"abcde\nf"], [b"abcd", b"e"], b"f"),
        ([b"abc", b"defghij", b"k\n\nl"], [b"abcd", b"efgh", b"ijk", b""], b"l"),
        ([b"x"] * 9, [b"xxxx", b"xxxx"], b"x"),
    ],
)
def test_a_line_that_is_too_long_comes_in_pieces(chunks: list[bytes], lines: list[bytes], rest: bytes) -> None:
    cutter = Lines(4)
    assert [line for chunk in chunks for line in cutter.add(chunk)] == lines
    assert cutter.rest == rest


def test_a_log_that_never_ends_its_line_is_not_kept_whole() -> None:
    longest = requests.logs("p", "default").longest_line
    assert longest is not None
    cutter = Lines(longest)
    for _ in range(100):
        assert all(len(line) <= longest for line in cutter.add(b"x" * 64 * 1024))
        assert len(cutter.rest) <= longest
    # An event of a watch is read whole, or not at all.
    assert requests.watch(CRON_TASK, "default", version="1").longest_line is None


@pytest.mark.parametrize("value", ["a b", "-a", "a/b", "x" * 64, "ä"])
def test_a_selector_is_made_of_values_that_labels_can_have(value: str) -> None:
    assert (
        requests.labels({"crontask.dev/task": "nightly", "app": "Shop_1.0"}) == "crontask.dev/task=nightly,app=Shop_1.0"
    )
    with pytest.raises(errors.InvalidName):
        requests.labels({"crontask.dev/task": value})
