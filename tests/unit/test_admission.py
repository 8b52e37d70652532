"""What admission refuses, and what it leaves alone."""

from datetime import UTC, datetime
from typing import Any

from crontask.admission import CRON_TASKS, SCHEDULED_RUNS, Review, review

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GOOD = {"handler": {"container": {"image": "busybox:1.36"}}}


def manifest(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "jobs", **metadata}, "spec": spec}


def refusal(plural: str, new: dict[str, Any], old: dict[str, Any] | None) -> str | None:
    return review(plural, new, old, NOW).refusal


def test_a_bad_spec_is_refused_with_each_problem_on_a_line() -> None:
    words = refusal(CRON_TASKS, manifest({**GOOD, "schedule": "61 * * * *", "timeZone": "Europe/Berln"}), None)
    assert words is not None
    first, second = words.splitlines()
    assert first.startswith("spec.schedule: ")
    assert second.startswith("spec.timeZone: there is no time zone 'Europe/Berln'")


def test_a_good_one_is_taken_also_without_a_name_of_its_own() -> None:
    assert refusal(CRON_TASKS, manifest({**GOOD, "schedule": "H 3 * * *"}), None) is None
    assert refusal(SCHEDULED_RUNS, {"metadata": {"generateName": "a-"}, "spec": GOOD}, None) is None


def test_a_bad_one_that_is_there_may_be_labelled_but_not_made_otherwise_bad() -> None:
    bad = {**GOOD, "schedule": "61 * * * *"}
    assert refusal(CRON_TASKS, manifest(bad, labels={"a": "b"}), manifest(bad)) is None
    assert refusal(CRON_TASKS, manifest({**bad, "suspend": True}), manifest(bad)) is not None
    assert refusal(CRON_TASKS, manifest(GOOD), manifest(bad)) is None


def test_a_run_is_looked_at_as_a_run() -> None:
    assert refusal(SCHEDULED_RUNS, manifest({"taskRef": {"name": "a"}}), None) is None
    assert refusal(CRON_TASKS, manifest({"taskRef": {"name": "a"}}), None) is not None
    assert "exactly one of taskRef and handler" in (refusal(SCHEDULED_RUNS, manifest({}), None) or "")


def test_what_has_no_effect_is_taken_with_a_warning() -> None:
    useless = {**GOOD, "interval": "5m", "timeZone": "Europe/Berlin"}
    words = "spec.timeZone: has no effect beside interval: it is the zone of schedule, schedules and skip; remove it"
    assert review(CRON_TASKS, manifest(useless), None, NOW) == Review(None, (words,))
    past = {"taskRef": {"name": "a"}, "allowPast": True}
    assert review(SCHEDULED_RUNS, manifest(past), None, NOW).warnings == (
        "spec.allowPast: has no effect without at; remove it",
    )


def test_a_default_that_the_api_server_filled_in_is_no_reason_to_warn() -> None:
    filled = {**GOOD, "interval": "5m", "timeZone": "UTC", "dst": {"missing": "Shift", "repeated": "First"}}
    assert review(CRON_TASKS, manifest(filled), None, NOW) == Review()


def test_whoever_changes_something_else_is_not_warned() -> None:
    useless = {**GOOD, "jitter": "5m"}
    assert review(CRON_TASKS, manifest(useless, labels={"a": "b"}), manifest(useless), NOW) == Review()
    assert review(CRON_TASKS, manifest({**useless, "suspend": True}), manifest(useless), NOW).warnings


def test_times_that_have_passed_are_warned_of_when_they_are_written() -> None:
    ended = {**GOOD, "interval": "1h", "endTime": "2026-06-01T00:00:00Z"}
    (warning,) = review(CRON_TASKS, manifest(ended), None, NOW).warnings
    assert warning.startswith("spec.endTime: is in the past: nothing is due any more")
    late = {**GOOD, "at": "2026-05-31T23:58:59Z"}
    (warning,) = review(SCHEDULED_RUNS, manifest(late), None, NOW).warnings
    assert warning.startswith("spec.at: is in the past, by more than 60s: the run would fail at once")
    # Whoever cancels it does not care.
    assert review(SCHEDULED_RUNS, manifest({**late, "cancel": True}), manifest(late), NOW).warnings == ()
