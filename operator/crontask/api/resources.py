"""The resources of the API server that we read and write: their paths, and what their objects are called."""

from typing import NamedTuple

_OURS = "apis/crontask.dev/v1alpha1"


class Resource(NamedTuple):
    """API group and version as in a path, plural, kind; `dotted`: its names may hold dots."""

    prefix: str
    plural: str
    kind: str
    namespaced: bool = True
    dotted: bool = False

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        parts = self.prefix.split("/")
        return parts[1] if parts[0] == "apis" else ""

    @property
    def api_version(self) -> str:
        """The value of `apiVersion` in an object."""
        return self.prefix.removeprefix("apis/").removeprefix("api/")

    @property
    def full_name(self) -> str:
        """As kubectl and the API server name it: `crontasks.crontask.dev`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


CRON_TASK = Resource(_OURS, "crontasks", "CronTask")
SCHEDULED_RUN = Resource(_OURS, "scheduledruns", "ScheduledRun")
POD = Resource("api/v1", "pods", "Pod")
EVENT = Resource("api/v1", "events", "Event", dotted=True)
LEASE = Resource("apis/coordination.k8s.io/v1", "leases", "Lease", dotted=True)
NAMESPACE = Resource("api/v1", "namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNT = Resource("api/v1", "serviceaccounts", "ServiceAccount", dotted=True)
CONFIG_MAP = Resource("api/v1", "configmaps", "ConfigMap", dotted=True)
CRON_JOB = Resource("apis/batch/v1", "cronjobs", "CronJob", dotted=True)
JOB = Resource("apis/batch/v1", "jobs", "Job", dotted=True)
CUSTOM_RESOURCE = Resource(
    "apis/apiextensions.k8s.io/v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
    dotted=True,
)
VALIDATING_WEBHOOK = Resource(
    "apis/admissionregistration.k8s.io/v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
    dotted=True,
)
ACCESS_REVIEW = Resource(
    "apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
SELF_REVIEW = Resource("apis/authentication.k8s.io/v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)
