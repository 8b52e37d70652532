"""The API server of the cluster that the pod runs in: runs are made there, as the pod's service account.

By the standard library alone. A run has its name before it is sent, so that it is sent again when an answer is lost.
"""

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from crontask.runner.trigger import MANAGER, Document, TriggerError

SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"
ROLE = "crontask-trigger"
"""The role of the chart, where its release is called crontask."""
NO_TOKEN = (
    "ctx.trigger: the pod has no service account token; register the task with may_trigger=True, or write "
    "handler.pod: {spec: {serviceAccountName: NAME, automountServiceAccountToken: true}}, of a service account that is "
    f"bound to the ClusterRole {ROLE}"
)
_TRIES = 5
_FIRST_PAUSE = 0.5
_SECONDS = 30.0
_MOST_TASKS = 500
_PASSING = (429, 500, 502, 503, 504)


class ApiServer:
    """See trigger.Runs. `secrets`: the folder in which a kubelet puts the token."""

    def __init__(self, environ: Mapping[str, str], secrets: str = SECRETS, first_pause: float = _FIRST_PAUSE) -> None:
        self._environ = environ
        self._secrets = secrets
        self._pause = first_pause

    def have(self, namespace: str, body: Document) -> Document:
        """See Runs."""
        path = _path(namespace, "scheduledruns")
        status, answer = self._asked("POST", f"{path}?fieldManager={MANAGER}&fieldValidation=Strict", body)
        if status == 409 and answer.get("reason") == "AlreadyExists":
            status, answer = self._asked("GET", f"{path}/{body['metadata']['name']}", None)
        if status in (200, 201):
            return answer
        raise _refusal(namespace, status, answer)

    def task(self, namespace: str, name: str) -> Document | None:
        """See Runs."""
        status, answer = self._asked("GET", f"{_path(namespace, 'crontasks')}/{name}", None)
        if status == 200:
            return answer
        if status == 404 and answer.get("reason") == "NotFound":
            return None
        if status == 403:
            return {}
        raise _refusal(namespace, status, answer)

    def tasks(self, namespace: str) -> list[str]:
        """See Runs."""
        status, answer = self._asked("GET", f"{_path(namespace, 'crontasks')}?limit={_MOST_TASKS}", None)
        return [str(found["metadata"]["name"]) for found in answer["items"]] if status == 200 else []

    def _asked(self, method: str, path: str, body: Document | None) -> tuple[int, Document]:
        """The status and the object of the answer; what may pass is asked again. Raises TriggerError."""
        pause = self._pause
        for left in reversed(range(_TRIES)):
            try:
                return self._sent(method, path, body)
            except urllib.error.HTTPError as error:
                status, answer = error.code, _object(error.read())
                if status not in _PASSING or not left:
                    return status, answer
            except (OSError, http.client.HTTPException) as error:
                if not left or isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
                    raise TriggerError(f"ctx.trigger: the API server was not reached: {_why(error)}") from error
            time.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    def _sent(self, method: str, path: str, body: Document | None) -> tuple[int, Document]:
        # Read anew each time: a kubelet renews it.
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        request = urllib.request.Request(self._url(path), data, headers, method=method)
        opener = urllib.request.build_opener(
            # The API server is within the cluster, whatever proxy there is to the world outside.
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=self._tls()),
        )
        with opener.open(request, timeout=_SECONDS) as response:
            return response.status, _object(response.read())

    def _url(self, path: str) -> str:
        host, port = self._environ.get("KUBERNETES_SERVICE_HOST"), self._environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise TriggerError("ctx.trigger: KUBERNETES_SERVICE_HOST is not set: this is not a pod of a cluster")
        return f"https://{f'[{host}]' if ':' in host else host}:{port}{path}"

    def _token(self) -> str:
        try:
            with open(os.path.join(self._secrets, "token"), encoding="ascii") as file:
                return file.read().strip()
        except OSError as error:
            raise TriggerError(NO_TOKEN) from error

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=os.path.join(self._secrets, "ca.crt"))


def _path(namespace: str, kind: str) -> str:
    return f"/apis/crontask.dev/v1alpha1/namespaces/{namespace}/{kind}"


def _refusal(namespace: str, status: int, answer: Document) -> TriggerError:
    """What the API server says, and what to do about it."""
    said = answer.get("message") or f"status {status}"
    if status == 401:
        return TriggerError(f"ctx.trigger: the API server does not take the pod's token: {said}")
    if status == 403:
        fix = (
            f"bind the pod's service account to it: kubectl create rolebinding {ROLE} -n {namespace} "
            f"--clusterrole={ROLE} --serviceaccount={namespace}:NAME"
        )
        return TriggerError(f"ctx.trigger: not allowed without the role {ROLE}: {said}; {fix}")
    return TriggerError(f"ctx.trigger: the API server refused the run: {said}")


def _object(raw: bytes) -> Document:
    """The object of an answer; of what is none, as of a proxy, an empty one."""
    try:
        found: Any = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return str(reason) or type(error).__name__
