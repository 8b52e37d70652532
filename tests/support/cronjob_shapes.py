"""CronJobs in the shapes that charts and operators give them, and when kube-controller-manager starts them.

The oracle knows nothing of our timetable: croniter says which values a field stands for, and each minute is looked at,
as robfig/cron does: an instant is due whose local time matches.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter


@dataclass(frozen=True)
class Shape:
    """`lost`: parts of the paths of what is not carried over."""

    name: str
    spec: dict[str, Any]
    job: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    @property
    def manifest(self) -> dict[str, Any]:
        """What is applied. Its pods are for a scheduler that there is not."""
        containers = [{"name": "work", "image": "registry.invalid/work:1"}]
        pod = {"restartPolicy": "Never", "schedulerName": "nobody", "containers": containers, **self.pod}
        template = {"metadata": {"labels": {"app": self.name.replace(".", "-")}}, "spec": pod}
        return {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": self.name, **self.metadata},
            "spec": {**self.spec, "jobTemplate": {"spec": {**self.job, "template": template}}},
        }


_NIGHTLY = {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"}
_MOUNTS = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
SHAPES = (
    Shape("plain", {"schedule": "*/10 * * * *"}),
    Shape(
        "backup-of-a-database",
        {**_NIGHTLY, "concurrencyPolicy": "Forbid", "successfulJobsHistoryLimit": 1, "startingDeadlineSeconds": 3600},
        {"backoffLimit": 2, "activeDeadlineSeconds": 7200, "ttlSecondsAfterFinished": 86400},
        {
            "restartPolicy": "OnFailure",
            "serviceAccountName": "default",
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            "initContainers": [{"name": "wait", "image": "registry.invalid/wait:1", **_MOUNTS}],
        },
        {"labels": {"app.kubernetes.io/name": "db", "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "db-1"}},
        lost=("restartPolicy",),
    ),
    Shape("certificate-renewal", {"schedule": "0 0 1,15 * *"}, {"backoffLimit": 0}),
    Shape("cleanup-suspended", {"schedule": "@hourly", "suspend": True}, {"ttlSecondsAfterFinished": 100}),
    Shape("on-demand", {"schedule": "0 0 31 2 *", "suspend": True}),
    Shape("working-hours", {"schedule": "0,30 8-17 * * mon-fri", "timeZone": "America/New_York"}),
    Shape("both-days", {"schedule": "15 */6 29 * 0", "timeZone": "Europe/Berlin"}),
    Shape("changes-hour-by-hour", {"schedule": "20 * * * *", "timeZone": "Australia/Lord_Howe"}),
    Shape("range-over-the-change", {"schedule": "*/20 1-3 * * *", "timeZone": "Europe/Berlin"}),
    Shape("long-step", {"schedule": "*/75 3 * * *"}),
    Shape("replace", {"schedule": "7 */4 * * *", "concurrencyPolicy": "Replace"}),
    Shape("with.dots", {"schedule": "45 23 * * *", "timeZone": "Asia/Kolkata"}),
    Shape(
        "exit-codes",
        {"schedule": "*/15 0-12/3 * * *"},
        {
            "backoffLimit": 4,
            "podFailurePolicy": {
                "rules": [
                    {"action": "FailJob", "onExitCodes": {"containerName": "work", "operator": "In", "values": [42]}},
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                ]
            },
        },
    ),
    Shape(
        "logs-beside",
        {"schedule": "5 5 * * *"},
        pod={"containers": [{"name": each, "image": "registry.invalid/a:1"} for each in ("work", "logs")]},
        lost=("containers",),
    ),
)


def starts(spec: dict[str, Any], begin: datetime, end: datetime) -> Iterator[datetime]:
    """When the controller starts a Job of that spec, in [begin, end): whole minutes, in UTC."""
    if spec.get("suspend"):
        return
    zone = ZoneInfo(spec.get("timeZone", "UTC"))
    schedule = spec["schedule"].replace("*/75", "0")
    expanded, _ = croniter.expand(schedule)
    minutes, hours, days, months, weekdays = (None if "*" in each else set(each) for each in expanded[:5])
    at = begin
    while at < end:
        local = at.astimezone(zone)
        of_month = days is None or local.day in days
        of_week = weekdays is None or local.isoweekday() % 7 in weekdays
        day = of_month or of_week if days is not None and weekdays is not None else of_month and of_week
        if (
            (minutes is None or local.minute in minutes)
            and (hours is None or local.hour in hours)
            and (months is None or local.month in months)
            and day
        ):
            yield at
        at += timedelta(minutes=1)
