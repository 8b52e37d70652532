"""Names: deterministic, told apart, never too long."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from crontask.api.names import nominal_of, pod_name, run_name

_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True)
_TIMES = st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def test_a_name_as_documented() -> None:
    assert run_name("nightly", datetime(2026, 3, 29, 1, tzinfo=UTC)) == "nightly-tcmys0"


@given(_NAMES, _TIMES)
def test_the_nominal_time_is_read_back_and_every_name_fits(task: str, nominal: datetime) -> None:
    name = run_name(task, nominal)
    assert nominal_of(task, name) == nominal or len(f"{task}-") + 7 > 60
    assert len(name) <= 60
    assert len(pod_name(name, 1000)) <= 63


@given(_NAMES, _NAMES, _TIMES, _TIMES)
def test_two_times_never_share_a_name(one: str, other: str, first: datetime, second: datetime) -> None:
    if (one, first) != (other, second) and one == other:
        assert run_name(one, first) != run_name(other, second)


def test_names_of_other_makers_have_no_nominal_time() -> None:
    assert nominal_of("nightly", "nightly-By-Hand") is None
    assert nominal_of("nightly", "weekly-tcmys0") is None
    assert nominal_of("nightly", "nightly-0123456789") is None
