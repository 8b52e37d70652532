"""Runs that functions trigger by `ctx.trigger`, made in the sandbox as the runner makes them in a cluster."""

from crontask.api.resources import SCHEDULED_RUN
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
