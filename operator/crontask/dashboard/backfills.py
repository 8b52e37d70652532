"""The page of a backfill: its form, the plan of what is asked for, and the button that makes it.

All of it is read and written with the person's own credentials, as of this moment.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web

from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.client import AsyncCluster, actions, errors
from crontask.client.requests import Document
from crontask.dashboard.address import Ask
from crontask.dashboard.backfill import Asked, BackfillModel, asked_of, model_of, plan_of, shown
from crontask.dashboard.desk import Desk, explained
from crontask.dashboard.forms import BadFormError
from crontask.dashboard.session import Session
from crontask.dashboard.views import Scene
from crontask.decide.task.backfill import MOST_RUNS, BackfillPlan


class Backfills:
    """Its handlers."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The form; with a range in the address, the plan."""
        session, ask = self.desk.session(request), self.desk.ask(request)
        scene, task = await self._scene(request, session, ask), await _task(session, ask)
        if "from" not in ask.query:
            return self._answer(request, session, scene, model_of(task, {}, scene))
        try:
            asked = asked_of(ask.query, datetime.now(UTC))
            plan = await _plan(session, ask, task, asked)
        except BadFormError as error:
            return self._answer(request, session, scene, model_of(task, ask.query, scene), str(error), 422)
        if plan is None:
            span = f"{asked.fields['from']} up to {asked.fields['to']}"
            nothing = f"{ask.name} has no nominal times from {span}"
            return self._answer(request, session, scene, model_of(task, ask.query, scene, nothing=nothing))
        first = await _known(session.visitor.cluster, plan.name, ask.namespace) if plan.chosen else None
        model = model_of(task, ask.query, scene, shown(plan, asked, first, scene))
        return self._answer(request, session, scene, model)

    async def make(self, request: web.Request) -> web.StreamResponse:
        """The run, as it is planned by now."""
        session, ask = self.desk.session(request), self.desk.ask(request)
        form = await self.desk.form(request, session)
        task = await _task(session, ask)
        try:
            name = await _made(session, ask, task, form)
        except BadFormError as error:
            return await self._refused(request, session, task, form, str(error), 422)
        except (errors.RequestFailed, errors.BadInput, errors.InvalidName) as error:
            status, _, message = explained(error)
            if status in (404, 502) or isinstance(error, errors.Unauthorized):
                raise
            return await self._refused(request, session, task, form, message, status)
        raise web.HTTPSeeOther(self.desk.links(request).run(ask.namespace, name))

    async def _refused(
        self, request: web.Request, session: Session, task: Document, form: Mapping[str, str], why: str, status: int
    ) -> web.Response:
        """The form, with what was asked for in it."""
        scene = await self._scene(request, session, self.desk.ask(request))
        return self._answer(request, session, scene, model_of(task, form, scene), why, status)

    def _answer(
        self,
        request: web.Request,
        session: Session,
        scene: Scene,
        model: BackfillModel,
        problem: str = "",
        status: int = 200,
    ) -> web.Response:
        frame = replace(self.desk.frame(request, session, scene), problem=problem)
        return self.desk.html("backfill.html", frame, model, status)

    async def _scene(self, request: web.Request, session: Session, ask: Ask) -> Scene:
        may = await session.visitor.rights.buttons(ask.namespace, ask.name)
        return Scene(self.desk.links(request), self.desk.clock(request), may)


async def _made(session: Session, ask: Ask, task: Document, form: Mapping[str, str]) -> str:
    """The name of the run that the form makes. Raises BadFormError, errors.ClientError."""
    asked = asked_of(form, datetime.now(UTC))
    plan = await _plan(session, ask, task, asked)
    if plan is None or not plan.chosen:
        raise BadFormError("nothing is made: by now there is no such time any more")
    if len(plan.chosen) > MOST_RUNS:
        raise BadFormError(f"{len(plan.chosen):,} runs are more than the {MOST_RUNS:,} of one backfill")
    if plan.in_the_way and "force" not in form:
        names = ", ".join(plan.in_the_way)
        raise BadFormError(f"another backfill is open for some of these times: {names}; wait for it, or make it anyway")
    body = actions.backfill(ask.name, plan.nominals, name=plan.name, only=asked.only, parallel=asked.parallel)
    cluster = session.visitor.cluster
    try:
        await cluster.create(SCHEDULED_RUN, body, namespace=ask.namespace, manager=actions.MANAGER, drawn=True)
    except errors.AlreadyExists:
        session.said.append(f"{plan.name} was there already: the same was asked for before.")
        return plan.name
    runs = "run" if len(plan.chosen) == 1 else "runs"
    session.said.append(f"{plan.name} is created: {len(plan.chosen):,} {runs} of {ask.name}.")
    return plan.name


async def _task(session: Session, ask: Ask) -> Document:
    return await session.visitor.cluster.get(CRON_TASK, ask.name, namespace=ask.namespace)


async def _plan(session: Session, ask: Ask, task: Document, asked: Asked) -> BackfillPlan | None:
    """What it would do. The task was read first: a run that it has recorded is there."""
    cluster = session.visitor.cluster
    found: list[Document] = []
    for fields in (f"spec.taskRef.name={ask.name}", "spec.taskRef.name=,spec.parent.name="):
        found += (await cluster.list(SCHEDULED_RUN, namespace=ask.namespace, fields=fields))["items"]
    # Of ten thousand times it takes a while: others are answered meanwhile.
    return await asyncio.to_thread(plan_of, task, tuple(found), asked)


async def _known(cluster: AsyncCluster, name: str, namespace: str) -> Document | None:
    """The run, if it is there."""
    try:
        return await cluster.get(SCHEDULED_RUN, name, namespace=namespace)
    except errors.NotFound:
        return None
