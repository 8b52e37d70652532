"""What the buttons do: each is one write with the person's own credentials, and then the page that shows it.

Nothing is checked that the API server checks: it decides, and what it says is shown beside the form.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from crontask.api.names import ANNOTATION_APPROVE, ANNOTATION_REJECT, DRAWN, drawn_name
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.api.times import format_time, parse_duration, time_of
from crontask.client import actions, errors
from crontask.client.requests import Document
from crontask.client.tree import phase_of
from crontask.dashboard.address import Ask
from crontask.dashboard.command_lines import suspend_line, trigger_line
from crontask.dashboard.desk import Desk, explained
from crontask.dashboard.forms import BadFormError, args_of, run_form
from crontask.dashboard.pages import Page
from crontask.dashboard.plain import one_line
from crontask.dashboard.run_parts import asks_for_approval
from crontask.dashboard.session import Session

Form = Mapping[str, str]
Act = Callable[["Pressed"], Awaitable[str]]
Line = Callable[["Pressed"], Awaitable[str]]
_DRAWN = re.compile(f"[0-9a-f]{{{DRAWN}}}")
_LONGEST_REASON = 256


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that somebody has pressed, with its form."""

    session: Session
    ask: Ask
    form: Form
    desk: Desk
    request: web.Request

    @property
    def namespace(self) -> str:
        """Of the object."""
        return self.ask.namespace

    @property
    def name(self) -> str:
        """Of the object."""
        return self.ask.name

    def text(self, key: str, longest: int = _LONGEST_REASON) -> str | None:
        """What is written in a field; None where it is left empty."""
        text = self.form.get(key, "").strip()
        if len(text) > longest:
            raise BadFormError(f"{key} has {len(text)} characters; {longest} is the most")
        return text or None

    def say(self, text: str) -> None:
        """On the next page."""
        self.session.said.append(text)

    def of_task(self) -> str:
        """The address of the task."""
        return self.desk.links(self.request).task(self.namespace, self.name)

    def of_run(self, name: str | None = None) -> str:
        """The address of the run, or of another one."""
        return self.desk.links(self.request).run(self.namespace, name or self.name)


def handler(desk: Desk, page: Page, act: Act) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler of a form. What is refused is shown on the page of the object, with what was written."""

    async def posted(request: web.Request) -> web.StreamResponse:
        session = desk.session(request)
        form = await desk.form(request, session)
        try:
            address = await act(Pressed(session, desk.ask(request), form, desk, request))
        except BadFormError as error:
            return await page.shown(request, session, str(error), form, 422)
        except (errors.RequestFailed, errors.BadInput, errors.InvalidName) as error:
            status, _, message = explained(error)
            if status in (404, 502) or isinstance(error, errors.Unauthorized):
                raise
            return await page.shown(request, session, message, form, status)
        raise web.HTTPSeeOther(address)

    return posted


def line_handler(desk: Desk, line: Line) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler that says what a form, as it is filled by now, is in a terminal. Nothing is written."""

    async def typed(request: web.Request) -> web.StreamResponse:
        session = desk.session(request)
        form = await desk.form(request, session)
        try:
            return web.Response(text=await line(Pressed(session, desk.ask(request), form, desk, request)))
        except BadFormError as error:
            return web.Response(text=str(error), status=422)

    return typed


async def trigger(pressed: Pressed) -> str:
    """A run of the task, with the args of the form. Its name is the form's: sent twice, it is one run."""
    cluster = pressed.session.visitor.cluster
    task = await cluster.get(CRON_TASK, pressed.name, namespace=pressed.namespace)
    args = args_of(task, pressed.form)
    body = actions.trigger(pressed.name, name=_name_of_new(pressed), args=args or None)
    return await _made_once(pressed, body, "is created.")


async def pause(pressed: Pressed) -> str:
    """No scheduled starts of the task, until somebody resumes it, or the time that the form says."""
    by = pressed.session.visitor.name
    change = actions.pause(by=by, reason=pressed.text("reason"), until=_until(pressed))
    cluster = pressed.session.visitor.cluster
    await cluster.patch(CRON_TASK, pressed.name, change, namespace=pressed.namespace, manager=actions.MANAGER)
    pressed.say(f"{pressed.name} is paused: nothing of it starts on schedule.")
    return pressed.of_task()


async def resume(pressed: Pressed) -> str:
    """The end of a pause, whoever began it."""
    cluster = pressed.session.visitor.cluster
    task = await cluster.get(CRON_TASK, pressed.name, namespace=pressed.namespace)
    change = actions.resume(task, datetime.now(UTC))
    await cluster.patch(CRON_TASK, pressed.name, change, namespace=pressed.namespace, manager=actions.MANAGER)
    pressed.say(f"{pressed.name} goes on: times that passed meanwhile are not made up for.")
    return pressed.of_task()


async def cancel(pressed: Pressed) -> str:
    """The end of the run."""
    change = actions.cancel(reason=pressed.text("reason"), immediate="immediate" in pressed.form)
    cluster = pressed.session.visitor.cluster
    await cluster.patch(SCHEDULED_RUN, pressed.name, change, namespace=pressed.namespace, manager=actions.MANAGER)
    pressed.say(f"{pressed.name} is asked to end.")
    return pressed.of_run()


async def rerun(pressed: Pressed) -> str:
    """The finished run again."""
    cluster = pressed.session.visitor.cluster
    run = await cluster.get(SCHEDULED_RUN, pressed.name, namespace=pressed.namespace)
    if not (run.get("status") or {}).get("completionTime"):
        raise BadFormError(f"{pressed.name} has not ended: it is {phase_of(run)}; wait for it, or cancel it")
    name, latest = _name_of_new(pressed), "latest" in pressed.form
    body = actions.rerun(run, name=name, from_=pressed.text("from", 63), latest=latest)
    return await _made_once(pressed, body, f"is created; it runs {pressed.name} again.")


def _name_of_new(pressed: Pressed) -> str:
    """Of a run to be made: by the letters of the form, so that the same form makes one run."""
    letters = pressed.form.get("draw", "")
    return drawn_name(pressed.name, letters) if _DRAWN.fullmatch(letters) else actions.drawn(pressed.name)


async def _made_once(pressed: Pressed, body: Document, said: str) -> str:
    """Where the run is, which is made unless the form has made it before."""
    name = body["metadata"]["name"]
    cluster = pressed.session.visitor.cluster
    try:
        await cluster.create(SCHEDULED_RUN, body, namespace=pressed.namespace, manager=actions.MANAGER, drawn=True)
    except errors.AlreadyExists:
        said = "was there already: the form was sent twice."
    pressed.say(f"{name} {said}")
    return pressed.of_run(name)


async def hold(pressed: Pressed) -> str:
    """Nothing new of the run starts."""
    return await _held(pressed, held=True)


async def release(pressed: Pressed) -> str:
    """It goes on."""
    return await _held(pressed, held=False)


async def _held(pressed: Pressed, *, held: bool) -> str:
    cluster = pressed.session.visitor.cluster
    change = {"spec": {"suspend": held}}
    await cluster.patch(SCHEDULED_RUN, pressed.name, change, namespace=pressed.namespace, manager=actions.MANAGER)
    pressed.say(f"{pressed.name} pauses: nothing new of it starts." if held else f"{pressed.name} goes on.")
    return pressed.of_run()


async def answer(pressed: Pressed) -> str:
    """The answer to a step that asks for approval, beside those that the run has."""
    step, said = pressed.text("step", 24), pressed.form.get("answer")
    annotation = {"approve": ANNOTATION_APPROVE, "reject": ANNOTATION_REJECT}.get(said or "")
    if step is None or annotation is None:
        raise BadFormError("answer: is neither approve nor reject of a step; press one of the buttons")
    cluster = pressed.session.visitor.cluster
    run = await cluster.get(SCHEDULED_RUN, pressed.name, namespace=pressed.namespace)
    if not any(each.get("name") == step and asks_for_approval(each) for each in _steps(run)):
        # Also what is no name of a step, and would say in the annotation who has approved.
        raise BadFormError(f"step: {one_line(step)} of {pressed.name} does not wait for an answer, or not any more")
    before = (run["metadata"].get("annotations") or {}).get(annotation)
    by = re.sub(r"[\s,]+", "-", pressed.session.visitor.name)
    value = ", ".join(filter(None, (before, f"{step} by {by}")))
    # Only of that version: somebody else may answer another step at the same time.
    metadata = {"annotations": {annotation: value}, "resourceVersion": run["metadata"]["resourceVersion"]}
    change = {"metadata": metadata}
    await cluster.patch(SCHEDULED_RUN, pressed.name, change, namespace=pressed.namespace, manager=actions.MANAGER)
    pressed.say(f"{step} is {'approved' if said == 'approve' else 'rejected'}.")
    return pressed.of_run()


def _steps(run: Document) -> Iterable[Document]:
    return (run.get("status") or {}).get("steps") or ()


def _until(pressed: Pressed) -> datetime | None:
    """When a pause ends by itself: a time, or a duration from now."""
    text = pressed.text("until", 64)
    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        until = now + parse_duration(text)
    except ValueError:
        try:
            found = time_of(text)
        except ValueError as error:
            raise BadFormError(f"until: {error}, or a duration like 2h or 3d") from None
        assert isinstance(found, datetime)
        until = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if until <= now + timedelta(seconds=1):
        raise BadFormError(f"until: {text} has passed; write a time to come, or a duration like 2h")
    return until.replace(microsecond=0)


async def trigger_typed(pressed: Pressed) -> str:
    """What `trigger` does."""
    task = await pressed.session.visitor.cluster.get(CRON_TASK, pressed.name, namespace=pressed.namespace)
    args, form = args_of(task, pressed.form), run_form(task)
    kinds = {field.key: field.kind for field in form.fields}
    as_json = form.has_schema and any(kinds.get(key, "json") == "json" for key in args)
    return trigger_line(pressed.namespace, pressed.name, args, as_json=as_json)


async def pause_typed(pressed: Pressed) -> str:
    """What `pause` does, until the time that a duration leads to by now."""
    until = _until(pressed)
    written = format_time(until) if until is not None else ""
    return suspend_line(pressed.namespace, pressed.name, pressed.text("reason") or "", written)


OF_TASK: Mapping[str, Act] = {"trigger": trigger, "pause": pause, "resume": resume}
LINES_OF_TASK: Mapping[str, Line] = {"trigger": trigger_typed, "pause": pause_typed}
OF_RUN: Mapping[str, Act] = {
    "cancel": cancel,
    "rerun": rerun,
    "hold": hold,
    "release": release,
    "answer": answer,
}
