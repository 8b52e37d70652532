"""Names: deterministic, told apart, never too long."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from crontask.api.names import (
    DNS_LABEL,
    drawn_name,
    follow_up_name,
    keyed_name,
    name_of_backfill,
    nominal_of,
    part_name,
    pod_name,
    run_name,
)

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


_TASKS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True)


@given(_TASKS, st.text(min_size=1, max_size=40), st.uuids())
def test_each_kind_of_name_ends_in_another_number_of_letters(task: str, key: str, uid: UUID) -> None:
    """By it the admission policy holds that nobody takes a name of another kind."""
    parent = run_name(task, datetime(2026, 3, 29, tzinfo=UTC))
    kinds = {
        6: (run_name(task, datetime(1975, 1, 1, tzinfo=UTC)), parent),
        8: (part_name(parent, str(uid), "step"), part_name(task, str(uid), "a" * 40)),
        10: (keyed_name(task, key),),
        11: (drawn_name(task, "0123456789a"),),
        12: (follow_up_name(task, str(uid)),),
        13: (name_of_backfill(task, key, key, "all"),),
    }
    for length, names in kinds.items():
        for name in names:
            ends = 8 if len(name) > 60 - length and name != drawn_name(task, "0123456789a") else length
            assert len(name.rpartition("-")[2]) in (length, ends)
            assert len(name) <= 60
            assert DNS_LABEL.fullmatch(name)
    for kind in (10, 11, 13):
        assert all(len(name.rpartition("-")[2]) == kind for name in kinds[kind])


def test_tasks_whose_names_are_cut_have_runs_of_their_own_by_the_same_key() -> None:
    one, other = (f"{'a' * 50}{end}" for end in ("-1", "-2"))
    assert keyed_name(one, "order-42") != keyed_name(other, "order-42")
    assert keyed_name(one, "order-42") == keyed_name(one, "order-42")
    assert keyed_name("sync", "deploy-42") == f"sync-{sha256(b'deploy-42').hexdigest()[:10]}"
