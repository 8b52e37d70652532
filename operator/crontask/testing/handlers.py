"""Who plays which pod of a sandbox: a function of this process, or the outcome that the test has set."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crontask.api.names import LABEL_RUN
from crontask.api.scheduledrun import Parent
from crontask.client.errors import BadInput
from crontask.ports import Document, Kind, ObjectKey
from crontask.runner.api_server import NO_TOKEN
from crontask.runner.trigger import NoRuns, Runs
from crontask.simulation.kubelet import Plan
from crontask.simulation.memory_api import MemoryApi
from crontask.testing.calling import Function, call, context_of, environment_of, limit_of
from crontask.testing.outcome import Decide, Outcome, plan_of, report_of_outcome

IMAGE = "sandbox"
"""The image of a handler that is a function of this process."""
# What ends at an instant has done so this much after it, before the operator wakes for what is due then.
_ENDS_LATE = 0.0005


@dataclass(frozen=True, slots=True)
class Part:
    """What an outcome is for: a task (empty: runs without one), and of a workflow a step, or NAME/undo."""

    task: str
    step: str = ""


@dataclass
class Handlers:
    """The functions and outcomes of a sandbox. `takes`: how long an attempt takes that does not say so."""

    takes: timedelta
    _functions: list[Function] = field(default_factory=list)
    _calls: dict[Part, Function] = field(default_factory=dict)
    # By part and attempt; 0: any attempt.
    _outcomes: dict[tuple[Part, int], Outcome | Decide] = field(default_factory=dict)
    _durations: dict[tuple[Part, int], timedelta] = field(default_factory=dict)

    def handler_of(self, function: Function) -> Document:
        """The manifest of a handler that calls it."""
        self._functions.append(function)
        name = getattr(function, "__name__", "")
        name = name if name.isidentifier() and name.isascii() else "function"
        return {"image": IMAGE, "entrypoint": f"{IMAGE}:{name}_{len(self._functions) - 1}"}

    def with_functions(self, handler: Any) -> Any:
        """A handler in which each `python` may be a function."""
        if isinstance(handler, Mapping):
            return {
                key: self.handler_of(value) if key == "python" and callable(value) else self.with_functions(value)
                for key, value in handler.items()
            }
        if isinstance(handler, list | tuple):
            return [self.with_functions(value) for value in handler]
        return handler

    def call(self, part: Part, function: Function) -> None:
        """Have the handler of a part be that function."""
        self._calls[part] = function

    def set_outcome(self, part: Part, attempt: int, outcome: Outcome | Decide) -> None:
        """Have it end so."""
        self._outcomes[part, attempt] = outcome

    def set_duration(self, part: Part, attempt: int, takes: timedelta) -> None:
        """Have it take so long, however it ends."""
        self._durations[part, attempt] = takes

    def plan(self, pod: Document, api: MemoryApi, now: datetime, runs: Runs) -> Plan:
        """How a pod goes that is made now. Its function is called at once; its end comes when it would.

        `runs`: where those are made that it triggers.
        """
        environ = environment_of(pod)
        run = _object(api, Kind.SCHEDULED_RUN, pod, pod["metadata"]["labels"][LABEL_RUN])
        part, attempt = _part_of(run, environ), int(environ["CRONTASK_ATTEMPT"])
        takes = self._found(self._durations, part, attempt)
        outcome = self._found(self._outcomes, part, attempt)
        function = self._function_of(part, environ)
        if outcome is None and function is not None:
            may_trigger = pod["spec"].get("automountServiceAccountToken")
            report = call(function, environ, runs if may_trigger else NoRuns(NO_TOKEN))
        else:
            outcome = self._decided(outcome or Outcome(), environ, part)
            takes = outcome.takes if outcome.takes is not None else takes
            report = report_of_outcome(outcome)
            if outcome.phase == "TimedOut":
                _refuse_endless(part, run, _object(api, Kind.CRON_TASK, pod, part.task) if part.task else None)
                return Plan(runs=None, message=report.message or "", stops_in=0)
        takes = takes if takes is not None else self.takes
        # To the second, whenever it has begun within it.
        seconds = max(0.0, takes.total_seconds() - now.microsecond / 1e6 + _ENDS_LATE)
        return plan_of(report, pod, seconds, limit_of(environ))

    def _function_of(self, part: Part, environ: Mapping[str, str]) -> Function | None:
        if part in self._calls:
            return self._calls[part]
        entrypoint = json.loads(environ.get("CRONTASK_HANDLER", "{}")).get("entrypoint") or ""
        begin, _, number = str(entrypoint).rpartition("_")
        return self._functions[int(number)] if begin.startswith(f"{IMAGE}:") else None

    def _decided(self, outcome: Outcome | Decide, environ: Mapping[str, str], part: Part) -> Outcome:
        if isinstance(outcome, Outcome):
            return outcome
        decided = outcome(context_of(environ))
        if not isinstance(decided, Outcome):
            problem = f"of {part.task} is a function that returned {type(decided).__name__}"
            raise BadInput("outcome", problem, "return Outcome(…)")
        return decided

    def _found(self, by_attempt: Mapping[tuple[Part, int], Any], part: Part, attempt: int) -> Any:
        """What is set for that attempt, else for any; for the step, else for the task."""
        keys = [(each, number) for each in (part, Part(part.task)) for number in (attempt, 0)]
        return next((by_attempt[key] for key in keys if key in by_attempt), None)


def _object(api: MemoryApi, kind: Kind, pod: Document, name: str) -> Document:
    return api.document(ObjectKey(kind, pod["metadata"]["namespace"], name))


def _part_of(run: Document, environ: Mapping[str, str]) -> Part:
    asked = run["spec"].get("parent")
    parent = Parent.model_validate(asked) if asked else None
    step = parent.part if parent is not None and (parent.step or parent.undo or parent.collect) else ""
    return Part(environ.get("CRONTASK_NAME", ""), step)


def _refuse_endless(part: Part, run: Document, task: Document | None) -> None:
    """An attempt that is to be stopped needs a limit, or would go on for ever."""
    limits = [each["spec"].get(name) for each in (run, task) if each for name in ("timeout", "totalTimeout")]
    if "parent" not in run["spec"] and not any(limits):
        problem = f"of {part.task or 'a run'} is TimedOut, and nothing ends the attempt"
        raise BadInput("outcome", problem, "give the task a timeout or totalTimeout")
