"""Runs that functions trigger by `ctx.trigger`, made in the sandbox as the runner makes them in a cluster."""

from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.client import errors, requests
from crontask.runner.trigger import MANAGER, Document, TriggerError
from crontask.testing.server import Server


class TriggeredRuns:
    """See runner.trigger.Runs."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def have(self, namespace: str, body: Document) -> Document:
        """See Runs."""
        try:
            return self._server.answer(requests.create(SCHEDULED_RUN, body, namespace, manager=MANAGER))
        except errors.AlreadyExists:
            return self._server.answer(requests.get(SCHEDULED_RUN, body["metadata"]["name"], namespace))
        except errors.RequestError as error:
            raise TriggerError(f"ctx.trigger: the API server refused the run: {error.message}") from error

    def task(self, namespace: str, name: str) -> Document | None:
        """See Runs."""
        try:
            return self._server.answer(requests.get(CRON_TASK, name, namespace))
        except errors.NotFound:
            return None

    def tasks(self, namespace: str) -> list[str]:
        """See Runs."""
        found = self._server.answer(requests.list_page(CRON_TASK, namespace))
        return [item["metadata"]["name"] for item in found["items"]]
