"""What is said of an answer that refuses, and with which exit code."""

import pytest

from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.cli import exits
from crontask.client.errors import Asked, Forbidden

BY_A_POLICY = (
    "scheduledruns.crontask.dev \"a\" is forbidden: ValidatingAdmissionPolicy 'crontask-run-rights' with binding "
    "'crontask-run-rights' denied request: spec.taskRef: ann may not trigger the CronTask nightly in namespace shop; "
    "bind a role with the verb trigger on it, like crontask-trigger"
)


@pytest.mark.parametrize(
    ("asked", "message", "said"),
    [
        (
            Asked("create", SCHEDULED_RUN, "shop"),
            "you may not",
            "you may not; needed is create on scheduledruns.crontask.dev, which the ClusterRole crontask-trigger "
            "gives: kubectl create rolebinding NAME -n shop --clusterrole=crontask-trigger --user=USER",
        ),
        (
            Asked("list", CRON_TASK),
            "you may not",
            "you may not; needed is list on crontasks.crontask.dev, which the ClusterRole crontask-view gives: "
            "kubectl create clusterrolebinding NAME --clusterrole=crontask-view --user=USER",
        ),
        # The role has the verb already: the policy says what is missing.
        (Asked("create", SCHEDULED_RUN, "shop"), BY_A_POLICY, BY_A_POLICY.partition("denied request: ")[2]),
    ],
)
def test_who_is_forbidden_reads_what_is_missing(asked: Asked, message: str, said: str) -> None:
    assert exits.explain(Forbidden(asked, 403, "Forbidden", message)) == (exits.FORBIDDEN, said)


def test_a_policy_that_is_about_manifests_is_read_as_options() -> None:
    message = (
        "denied request: spec.rerunOf: ann may not create pods in namespace shop, and so may only run again what a "
        "CronTask says now; name it in spec.taskRef, and write definition: Latest"
    )
    code, said = exits.explain(Forbidden(Asked("create", SCHEDULED_RUN, "shop"), 403, "Forbidden", message))
    assert (code, said.rpartition("; ")[2]) == (exits.FORBIDDEN, "write --latest")


def test_a_verb_can_name_the_role_that_gives_all_that_it_needs() -> None:
    said = exits.forbidden(Forbidden(Asked("patch", CRON_TASK, "shop"), 403, "Forbidden", "you may not"), exits.OPERATE)
    assert said.endswith("kubectl create rolebinding NAME -n shop --clusterrole=crontask-operate --user=USER")
