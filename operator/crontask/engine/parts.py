"""The parts of a composite run: their runs are made, and what the API server says against one is remembered."""

from collections.abc import Iterable
from dataclasses import replace

from crontask.api.names import ANNOTATION_TRIGGER
from crontask.decide.composite.model import NAME_TAKEN
from crontask.decide.decisions import CreatePart
from crontask.decide.refusal import Refusal, beside, of_part
from crontask.decide.transitions import part_refused
from crontask.engine.events import EventRecorder, about
from crontask.engine.keys import run_key
from crontask.engine.launch import Launcher, RunRefusedError
from crontask.engine.queue import Priority
from crontask.engine.store import Store
from crontask.ports import ApiError, Clock, Document
from crontask.workload.part import PartOf, build_part

_TOO_MANY = 429


class PartMaker:
    """Methods raise ApiError (the key is decided again later) and LeaseLostError."""

    def __init__(self, store: Store, recorder: EventRecorder, clock: Clock, launcher: Launcher) -> None:
        self._store = store
        self._memory = store.memory
        self._recorder = recorder
        self._clock = clock
        self._launcher = launcher

    async def create_all(self, creations: Iterable[CreatePart]) -> None:
        """Make sure that these runs exist. Where the answer to one says that no other is taken, none is asked for."""
        refused: Refusal | None = None
        for create in creations:
            if refused is not None:
                self._hold_back(create, refused)
                continue
            try:
                await self._create(create)
            except RunRefusedError:
                said = self._said(create)
                refused = said if said is not None and not said.alone else None

    async def _create(self, create: CreatePart) -> None:
        """Make sure that the run of a part exists. Raises RunRefusedError."""
        parent, asked = create.parent, create.asked
        try:
            await self._launcher.make_run(_body(create), Priority.PART)
        except ApiError as error:
            self._memory.set_part_made(parent, create.name, False)
            if error.refuses or error.status == _TOO_MANY:
                self._note_refusal(create, error)
            if not error.refuses:
                raise
            raise RunRefusedError(create.name) from error
        self._memory.set_part_refusal(parent, asked.part, None)
        self._memory.set_part_made(parent, create.name, True)
        made = self._store.run(run_key(parent.meta.namespace, create.name))
        if made is not None and (made.meta.owner_uid, made.spec.parent) != (parent.meta.uid, asked):
            taken = f"run {create.name} exists and is not this part; delete it, and run the whole again"
            message, now = "; ".join(map(str, made.problems)) or taken, self._clock.now()
            self._memory.set_part_refusal(parent, asked.part, Refusal(NAME_TAKEN, message, True, now, now))

    def _note_refusal(self, create: CreatePart, error: ApiError) -> None:
        """A quota, a policy, a webhook may be mended; what is wrong with the run itself may not."""
        known, before = self._memory.of_run(create.parent).refused_parts, self._said(create)
        now = self._clock.now()
        refusal = of_part(before, error.message, now, create.patience, alone=error.final)
        if not error.refuses:
            # The loop waits as long as the API server says; here it only counts for how long.
            refusal = replace(refusal, retry_at=now)
        first = error.refuses and all(other.final for other in known.values())
        self._memory.set_part_refusal(create.parent, create.asked.part, refusal)
        if refusal.final or first:
            self._recorder.record(part_refused(create, refusal), about(create.parent))

    def _hold_back(self, create: CreatePart, other: Refusal) -> None:
        self._memory.set_part_made(create.parent, create.name, False)
        refusal = beside(self._said(create), other, self._clock.now(), create.patience)
        self._memory.set_part_refusal(create.parent, create.asked.part, refusal)
        if refusal.final:
            self._recorder.record(part_refused(create, refusal), about(create.parent))

    def _said(self, create: CreatePart) -> Refusal | None:
        return self._memory.of_run(create.parent).refused_parts.get(create.asked.part)


def _body(create: CreatePart) -> Document:
    parent = create.parent
    scheduled = create.scheduled_time or parent.spec.scheduled_time or parent.due_at
    part_of = PartOf(create.asked, parent.meta.namespace, parent.task_name, scheduled)
    handler = create.task if create.task is not None else create.handler
    assert handler is not None, "a part has a handler, or is a task's"
    trigger = parent.meta.annotations.get(ANNOTATION_TRIGGER)
    return build_part(
        create.name,
        part_of,
        handler,
        create.pod,
        create.args,
        create.retry,
        create.timeout,
        create.start_timeout,
        {ANNOTATION_TRIGGER: trigger} if trigger is not None else None,
        create.rerun_of,
    )
