"""What a switch looks at: which times passed in between, who manages a CronJob, which runs are still open."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from crontask.api.resources import CRON_TASK
from crontask.cli.conversion.managed import manager_of
from crontask.cli.main import main
from crontask.cli.switch_advice import Advice
from crontask.cli.switching import MOST_IN_GAP, StoppedError, Switch, _is_open, gap_times
from crontask.client import Cluster, errors
from crontask.client.errors import Asked

TASK: dict[str, Any] = {
    "apiVersion": "crontask.dev/v1alpha1",
    "kind": "CronTask",
    "metadata": {
        **{"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1"},
        "creationTimestamp": "2026-06-01T12:30:00Z",
    },
    "spec": {"handler": {"container": {"image": "busybox:1.36"}}},
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-06-01T{text}+00:00")


GAPS: list[tuple[str, dict[str, Any], str, str, list[str]]] = [
    ("none passed", {"schedule": "0 * * * *"}, "12:00:00", "12:30:00", []),
    ("the one that ran is left out", {"schedule": "0 * * * *"}, "11:00:00", "12:30:00", ["12:00:00"]),
    ("the creation itself is passed", {"schedule": "*/30 * * * *"}, "12:00:00", "12:30:00", ["12:30:00"]),
    ("a last Job between times", {"schedule": "0 * * * *"}, "10:30:00", "12:30:00", ["11:00:00", "12:00:00"]),
    ("on demand", {}, "10:00:00", "12:30:00", []),
    ("an interval that goes on", {"interval": "7m", "startTime": "2026-06-01T12:00:03Z"}, "12:00:03", "12:15:00",
     ["12:07:03", "12:14:03"]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "after", "until", "wanted"), [row[1:] for row in GAPS], ids=[row[0] for row in GAPS])
def test_the_times_that_passed_in_between(spec: dict[str, Any], after: str, until: str, wanted: list[str]) -> None:
    task = {**TASK, "spec": {**TASK["spec"], **spec}}
    assert list(gap_times(task, at(after), at(until))) == [at(text) for text in wanted]


def test_of_very_many_the_latest_count() -> None:
    task = {**TASK, "spec": {**TASK["spec"], "schedule": "* * * * *"}}
    found = list(gap_times(task, at("00:00:00"), at("12:30:00")))
    assert (len(found), found[0], found[-1]) == (MOST_IN_GAP, at("10:51:00"), at("12:30:00"))


MANAGED: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"labels": {"app": "a"}, "annotations": None}, None),
    ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm (app.kubernetes.io/managed-by)"),
    ({"labels": {"app.kubernetes.io/managed-by": "kustomize"}}, None),
    ({"annotations": {"meta.helm.sh/release-name": "r"}}, "Helm (meta.helm.sh/release-name: r)"),
    ({"labels": {"kustomize.toolkit.fluxcd.io/name": "k"}}, "Flux (kustomize.toolkit.fluxcd.io/name: k)"),
    # Flux installs by Helm, so both are there: what would undo a change is Flux.
    (
        {"labels": {"helm.toolkit.fluxcd.io/name": "h", "app.kubernetes.io/managed-by": "Helm"}},
        "Flux (helm.toolkit.fluxcd.io/name: h)",
    ),
    ({"annotations": {"argocd.argoproj.io/tracking-id": "t"}}, "Argo CD (argocd.argoproj.io/tracking-id: t)"),
    ({"ownerReferences": [{"kind": "Backup", "name": "b", "controller": True}]}, "Backup b"),
    ({"ownerReferences": [{"kind": "Backup", "name": "b"}]}, None),
]


@pytest.mark.parametrize(("metadata", "manager"), MANAGED)
def test_who_manages_it(metadata: dict[str, Any], manager: str | None) -> None:
    assert manager_of({"metadata": metadata}) == manager


@pytest.mark.parametrize(
    ("spec", "status", "wanted"),
    [
        ({"taskRef": {"name": "a"}}, {}, True),
        ({"taskRef": {"name": "a"}}, {"phase": "Running"}, True),
        ({"taskRef": {"name": "a"}}, {"phase": "Succeeded"}, False),
        ({"taskRef": {"name": "a"}}, {"phase": "Missed"}, False),
        ({"taskRef": {"name": "b"}}, {"phase": "Running"}, False),
        ({"handler": {}}, {"phase": "Running"}, False),
        ({"taskRef": {"name": "a"}, "at": "2999-01-01T00:00:00Z"}, {"phase": "Pending"}, False),
        ({"taskRef": {"name": "a"}, "at": "2020-01-01T00:00:00Z"}, {"phase": "Pending"}, True),
    ],
)
def test_a_run_that_is_waited_for(spec: dict[str, Any], status: dict[str, Any], wanted: bool) -> None:
    assert _is_open({"spec": spec, "status": status}, "a") is wanted


class Reluctant:
    """A cluster in which the CronJob is written by somebody else between each look and each write."""

    namespace = "shop"

    def __init__(self, times: int) -> None:
        self.left = times
        self.suspended = False

    def get(self, kind: Any, name: str) -> dict[str, Any]:
        return cronjob()

    def patch(self, kind: Any, name: str, change: Any, **how: Any) -> dict[str, Any]:
        if self.left:
            self.left -= 1
            raise errors.Conflict(Asked("patch"), 409, "Conflict", "it is another version")
        self.suspended = change["spec"]["suspend"]
        return {}


def cronjob(annotation: str | None = None, suspend: bool = False) -> dict[str, Any]:
    annotations = {"crontask.dev/switch": annotation} if annotation is not None else {}
    metadata = {"name": "w", "uid": "u", "resourceVersion": "1", "annotations": annotations}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": {"suspend": suspend}}


def switch(cluster: Reluctant) -> Switch:
    return Switch(cluster, "w", lambda value: value, lambda text: None, drain=timedelta())  # type: ignore[arg-type]


def test_a_suspension_is_tried_again_when_the_controller_has_written_in_between() -> None:
    cluster = Reluctant(2)
    assert switch(cluster)._suspend(cronjob()) == {"suspended": False}
    assert cluster.suspended


def test_a_suspension_that_never_comes_through_ends() -> None:
    with pytest.raises(StoppedError, match="is written by others again and again") as stopped:
        switch(Reluctant(10**6))._suspend(cronjob())
    assert stopped.value.waited


def test_one_that_somebody_resumed_in_the_middle_is_suspended_again_and_what_was_before_is_kept() -> None:
    cluster = Reluctant(0)
    assert switch(cluster)._suspend(cronjob('{"suspended": true}')) == {"suspended": True}
    assert cluster.suspended


def test_a_record_that_somebody_mangled_is_refused() -> None:
    said = (
        "CronJob w: the annotation crontask.dev/switch cannot be read; remove it by `kubectl annotate cronjob w "
        "-n shop crontask.dev/switch-`, set spec.suspend to what it was before the switch, and run this again"
    )
    with pytest.raises(StoppedError) as stopped:
        switch(Reluctant(0))._suspend(cronjob("{"))
    assert str(stopped.value) == said


ADVICE = Advice("shop", "w")
RESUME = """kubectl patch cronjob w -n shop -p '{"spec":{"suspend":false}}'"""


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            ADVICE.managed("Helm", back=False),
            "CronJob w is managed by Helm, which would undo this; there, write suspend: true into the CronJob and add "
            "the manifest that `crontask convert` writes; or --force",
        ),
        (
            ADVICE.managed("Helm", back=True),
            "CronJob w is managed by Helm, which would undo this; there, remove the manifest of the CronTask, and then "
            "suspend: true from the CronJob; or --force",
        ),
        (
            ADVICE.task_of_others("w", taken_back=True, suspended=False),
            "there is a CronTask w that this CronJob has not become; it is left of a switch that was taken back: "
            "`kubectl delete crontask w -n shop`, and run this again",
        ),
        (
            ADVICE.task_of_others("w", taken_back=False, suspended=True),
            "there is a CronTask w that this CronJob has not become; if nobody needs it, `kubectl delete crontask w "
            "-n shop`, and run this again; otherwise apply what `crontask convert --from-cluster w -n shop` writes "
            f"under another name; CronJob w is suspended by now: to resume it, `{RESUME}`",
        ),
        (
            ADVICE.not_switched("t"),
            "CronTask t has not been made by --switch, so that nothing is known of its CronJob; `crontask suspend t "
            "-n shop`, and apply the manifest of the CronJob",
        ),
        (
            ADVICE.another("t"),
            "CronJob w is another than the one that became CronTask t: it was deleted and made again; to let that one "
            f"take over, `crontask suspend t -n shop`, and then `{RESUME}`",
        ),
        (
            ADVICE.written_too_often("CronJob", "w"),
            "CronJob w is written by others again and again; find out by whom, and run this again, and it goes on",
        ),
        (
            ADVICE.still_run("Jobs", ["w-1", "w-2"]),
            "Jobs still run: w-1, w-2; nothing new starts meanwhile; wait for them or delete them, and run this again, "
            "and it goes on; --drain-timeout says how long it waits",
        ),
        (
            ADVICE.unseen("t"),
            "CronTask t is suspended, and no operator has seen that; see by `crontask doctor` whether one runs, and "
            "run this again, and it goes on",
        ),
        (
            ADVICE.not_gone(),
            "CronJob w is deleted and not gone yet; see by `kubectl get cronjob w -n shop -o yaml` which finalizers "
            "keep it, and run this again, and it goes on",
        ),
    ],
)
def test_what_is_said_names_what_to_do_next(said: str, wanted: str) -> None:
    assert said == wanted


class Waiting(Reluctant):
    """With a CronTask that no operator looks at, and a CronJob that a finalizer keeps."""

    def get(self, kind: Any, name: str) -> dict[str, Any]:
        return cronjob() if kind.kind == "CronJob" else {**TASK, "status": {}}

    def list(self, kind: Any) -> dict[str, Any]:
        return {"items": []}

    def delete(self, kind: Any, name: str, **how: Any) -> None:
        return None


def test_what_is_waited_for_is_said_and_so_is_what_has_not_come() -> None:
    told: list[str] = []
    there = Switch(Waiting(0), "w", lambda value: value, told.append, drain=timedelta(microseconds=1))  # type: ignore[arg-type]
    with pytest.raises(StoppedError) as stopped:
        there._drain_runs("a")
    assert (str(stopped.value), stopped.value.waited) == (ADVICE.unseen("a"), True)
    with pytest.raises(StoppedError) as stopped:
        there._replace({}, "u", TASK)
    assert (str(stopped.value), stopped.value.waited) == (ADVICE.not_gone(), True)


def test_one_that_is_taken_back_says_what_is_to_be_written_elsewhere() -> None:
    managed = cronjob()
    managed["metadata"]["annotations"] = {"meta.helm.sh/release-name": "r"}
    with pytest.raises(StoppedError, match="remove the manifest of the CronTask"):
        switch(Reluctant(0))._refuse_managed(managed, back=True)


def test_what_stops_it_in_the_middle_is_followed_by_how_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(switch: Switch) -> None:
        switch.say("CronJob w is suspended")
        raise errors.Unreachable(Asked("get"), "nobody listens", sent=False)

    monkeypatch.setattr(Cluster, "load", lambda flags: nullcontext(Reluctant(0)))
    monkeypatch.setattr(Switch, "forward", stop)
    done = CliRunner().invoke(main, ["convert", "--switch", "w"], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (9, "CronJob w is suspended\n")
    assert (
        done.stderr == "w: stopped in the middle; once this is mended run this again, and it goes on:\nnobody listens\n"
    )


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "w: stopped in the middle; run this again, and it goes on"),
        (StoppedError("Jobs still run: w-1", waited=True), 3, "Jobs still run: w-1"),
        (StoppedError("there is another"), 2, "there is another"),
        (errors.Forbidden(Asked("patch"), 403, "Forbidden", "you may not"), 7, "you may not"),
        (
            errors.Forbidden(Asked("patch", CRON_TASK, "shop", "w"), 403, "Forbidden", "you may not"),
            7,
            "you may not; needed is patch on crontasks.crontask.dev, which the ClusterRole crontask-edit gives: "
            "kubectl create rolebinding NAME -n shop --clusterrole=crontask-edit --user=USER",
        ),
        (errors.Unreachable(Asked("get"), "nobody listens", sent=False), 9, "nobody listens"),
    ],
)
@pytest.mark.parametrize("option", ["--switch", "--back"])
def test_a_switch_that_does_not_come_to_its_end(
    raised: BaseException, code: int, words: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: object) -> None:
        raise raised

    monkeypatch.setattr(Cluster, "load", lambda flags: nullcontext(Reluctant(0)))
    monkeypatch.setattr(Switch, "forward", stop)
    monkeypatch.setattr(Switch, "backward", stop)
    done = CliRunner().invoke(main, ["convert", option, "w"], catch_exceptions=False)
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", f"{words}\n")


def test_a_switch_of_nothing() -> None:
    done = CliRunner().invoke(main, ["convert", "--switch"])
    assert (done.exit_code, done.stderr) == (2, "which CronJob is meant is not said; write --switch NAME\n")
