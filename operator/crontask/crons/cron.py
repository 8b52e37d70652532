"""One function that is registered as a task, and its trigger."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, overload

from crontask.crons.function import given
from crontask.crons.refusal import refuse

if TYPE_CHECKING:
    from crontask.client.values import Duration, Instant
    from crontask.runner.context import Context
    from crontask.sdk.aio import AsyncClient
    from crontask.sdk.aio_run import AsyncRun
    from crontask.sdk.fields import TaskSettings
    from crontask.sdk.sync import Client, Run

P = ParamSpec("P")
R = TypeVar("R")
_OPTIONS = ("key", "at", "delay")


class TriggerOptions(TypedDict, total=False):
    """How a run is asked for, beside its args: see Client.trigger."""

    key: "str | None"
    at: "Instant | None"
    delay: "Duration | None"
    allow_past: bool | None
    scheduled_time: "Instant | None"
    suspend: bool | None
    timeout: "Duration | None"
    start_timeout: "Duration | None"
    total_timeout: "Duration | None"
    retry: Any
    ttl_after_finished: "Duration | None"
    on_complete: Mapping[str, Any] | None
    missing_ok: bool
    namespace: str | None
    labels: Mapping[str, str] | None
    annotations: Mapping[str, str] | None


class Trigger(Generic[P]):
    """Runs a task with the arguments of its function, each checked as a type checker does: `f.trigger(client, x=1)`.

    `key`, `at` and `delay` may stand beside them, unless the function has an argument of that name; a type checker then
    leaves the arguments alone. `options` says these and all others, and the arguments stay checked:
    `f.trigger.options(delay="5m")(client, x=1)`.
    """

    def __init__(self, cron: "Cron[P, Any]", options: TriggerOptions | None = None) -> None:
        self._cron = cron
        self._options: TriggerOptions = options or {}

    def options(self, **options: Unpack[TriggerOptions]) -> "Trigger[P]":
        """The same trigger, with how its run is asked for."""
        return Trigger(self._cron, {**self._options, **options})

    @overload
    def __call__(self, client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> "Run": ...
    @overload
    def __call__(
        self, client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs
    ) -> "Coroutine[Any, Any, AsyncRun]": ...
    @overload
    def __call__(self, client: "Client", /, *args: Any, delay: "Duration", **kwargs: Any) -> "Run": ...
    @overload
    def __call__(self, client: "Client", /, *args: Any, at: "Instant", **kwargs: Any) -> "Run": ...
    @overload
    def __call__(self, client: "Client", /, *args: Any, key: str, **kwargs: Any) -> "Run": ...
    @overload
    def __call__(
        self, client: "AsyncClient", /, *args: Any, delay: "Duration", **kwargs: Any
    ) -> "Coroutine[Any, Any, AsyncRun]": ...
    @overload
    def __call__(
        self, client: "AsyncClient", /, *args: Any, at: "Instant", **kwargs: Any
    ) -> "Coroutine[Any, Any, AsyncRun]": ...
    @overload
    def __call__(
        self, client: "AsyncClient", /, *args: Any, key: str, **kwargs: Any
    ) -> "Coroutine[Any, Any, AsyncRun]": ...
    def __call__(self, client: Any, /, *args: Any, **kwargs: Any) -> Any:
        """The run: of an AsyncClient, awaited. Raises as Client.trigger does, and BadInput for args that do not fit."""
        _check_client(client, self._cron.name)
        from crontask.crons.schemas import args_of

        own = self._cron.takes
        options: Any = {key: kwargs.pop(key) for key in _OPTIONS if key in kwargs and key not in own}
        options = {"namespace": self._cron.namespace, **self._options, **options}
        values = args_of(self._cron, given(self._cron.function, args, kwargs))
        return client.trigger(self._cron.name, args=values or None, **options)


def _check_client(client: object, task: str) -> None:
    """Raises BadInput for what can trigger nothing; for a context, with the call that its pod may do."""
    if hasattr(client, "run_uid"):
        fix = f'in a handler, write ctx.trigger("{task}", args={{…}})'
        refuse("trigger", "is given the context of a run, and needs a client", fix)
    if not callable(getattr(client, "trigger", None)):
        problem = f"is given a {type(client).__name__}, and needs a client"
        refuse("trigger", problem, "write f.trigger(client, x=1), with a Client or an AsyncClient")


@dataclass(frozen=True, eq=False)
class Cron(Generic[P, R]):
    """A task of a registry. `fields`: its spec, as Client.register takes it; `image`: None for a shipped module."""

    name: str
    function: "Callable[Concatenate[Context, P], R]"
    fields: "TaskSettings" = field(repr=False)
    on_demand: bool = False
    image: str | None = None
    requires: tuple[str, ...] = ()
    pod: Any = field(default=None, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict, repr=False)
    namespace: str | None = None

    @property
    def trigger(self) -> Trigger[P]:
        """Runs it: see Trigger."""
        return Trigger(self)

    @property
    def takes(self) -> frozenset[str]:
        """The names of the function's arguments."""
        return frozenset(signature(self.function).parameters)


class CronFunction(Protocol[P, R]):
    """A function that is registered: called, it is what it was."""

    cron: Cron[P, R]
    trigger: Trigger[P]

    def __call__(self, ctx: "Context", /, *args: P.args, **kwargs: P.kwargs) -> R: ...
