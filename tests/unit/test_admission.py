"""What admission refuses, and what it leaves alone."""

from typing import Any

from crontask.admission import CRON_TASKS, SCHEDULED_RUNS, refusal

GOOD = {"handler": {"container": {"image": "busybox:1.36"}}}


def manifest(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "jobs", **metadata}, "spec": spec}


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
