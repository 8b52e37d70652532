"""`Crons`: the functions of an application that run as tasks.

Loaded in each pod of its functions too, so nothing heavy is imported here, and nothing is looked at but names.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar, Unpack, cast, overload

from crontask.crons.cron import Cron, CronFunction
from crontask.crons.deferred import in_pod_of_runner
from crontask.crons.function import check_function
from crontask.crons.refusal import refuse

if TYPE_CHECKING:
    from crontask.client.requests import Document
    from crontask.client.values import Duration
    from crontask.crons.sync import Synced
    from crontask.runner.context import Context
    from crontask.sdk.aio import AsyncClient
    from crontask.sdk.asking import Timeout
    from crontask.sdk.fields import TaskSettings
    from crontask.sdk.sync import Client

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_NAME = 52
LONGEST_OWNER = 40
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")


class Crons:
    """What an application registers. `owner`: whose tasks these are; what is not registered any more is found by it.

    `image`: the functions are in that image, as `module:function`; without one each module is shipped as its source.
    `requires`: modules of the runner's image that shipped ones may import, beside the standard library.
    `namespace`: of the tasks; by default that of the client. `allow_secrets`: ship texts that look like keys.
    """

    def __init__(
        self,
        owner: str = "",
        *,
        image: str | None = None,
        requires: Sequence[str] = (),
        namespace: str | None = None,
        allow_secrets: bool = False,
    ) -> None:
        if owner == "":
            refuse("Crons", "has no owner", 'write Crons(owner="shop"), the name of the application')
        self.owner = _checked("owner", owner, LONGEST_OWNER)
        self.image = image
        self.requires = _modules(requires)
        self.namespace = namespace
        self.allow_secrets = allow_secrets
        self._crons: dict[str, Cron[Any, Any]] = {}

    def __repr__(self) -> str:
        return f"<Crons {self.owner}: {', '.join(self._crons) or 'none'}>"

    def __iter__(self) -> Iterator[Cron[Any, Any]]:
        """What is registered, in that order."""
        return iter(self._crons.values())

    def __len__(self) -> int:
        return len(self._crons)

    def __getitem__(self, name: str) -> Cron[Any, Any]:
        """The task of that name. Raises KeyError."""
        return self._crons[name]

    def interval(
        self,
        name: str,
        every: "Duration | None" = None,
        *,
        run: "Callable[Concatenate[Context, P], R]",
        weeks: int = 0,
        days: int = 0,
        hours: int = 0,
        minutes: int = 0,
        seconds: int = 0,
        image: str | None = None,
        requires: Sequence[str] = (),
        pod: Any = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **fields: "Unpack[TaskSettings]",
    ) -> Cron[P, R]:
        """Run a function at a fixed rate: `every` that long, or the sum of the units. `fields`: see Client.register."""
        units = dict(zip(_UNITS, (weeks, days, hours, minutes, seconds), strict=True))
        given: TaskSettings = {**fields, "interval": _interval(every, units)}
        own = {"image": image, "requires": requires, "pod": pod, "labels": labels, "annotations": annotations}
        return self._add(name, run, given, on_demand=False, **own)

    def cron(
        self,
        name: str,
        expression: "str | Sequence[str]",
        *,
        run: "Callable[Concatenate[Context, P], R]",
        image: str | None = None,
        requires: Sequence[str] = (),
        pod: Any = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **fields: "Unpack[TaskSettings]",
    ) -> Cron[P, R]:
        """Run a function by a cron expression, or several, in `time_zone`. `fields`: see Client.register."""
        given: TaskSettings = {**fields}
        if isinstance(expression, str):
            given["schedule"] = expression
        else:
            given["schedules"] = list(expression)
        own = {"image": image, "requires": requires, "pod": pod, "labels": labels, "annotations": annotations}
        return self._add(name, run, given, on_demand=False, **own)

    def task(
        self,
        name: str | None = None,
        *,
        on_demand: bool = False,
        image: str | None = None,
        requires: Sequence[str] = (),
        pod: Any = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **fields: "Unpack[TaskSettings]",
    ) -> "Callable[[Callable[Concatenate[Context, P], R]], CronFunction[P, R]]":
        """Register the function below. `name`: by default its own, with hyphens. `fields`: see Client.register.

        `pod`: a partial pod template, like `{"spec": {"nodeSelector": ...}}`; `requires`: see Crons. The function stays
        a plain function, which also has `cron` and `trigger`.
        """
        if callable(name):
            refuse("task", "is written without parentheses", 'write @crons.task(schedule="0 3 * * *")')
        own = {"image": image, "requires": requires, "pod": pod, "labels": labels, "annotations": annotations}

        def register(function: "Callable[Concatenate[Context, P], R]") -> CronFunction[P, R]:
            check_function(function)
            if hasattr(function, "cron"):
                problem = f"{function.__name__} is a task already: {function.cron.name}"
                refuse("task", problem, "add the other one by crons.cron(NAME, SCHEDULE, run=…)")
            title = name if name is not None else function.__name__.strip("_").replace("_", "-")
            registered = cast(CronFunction[P, R], function)
            registered.cron = self._add(title, function, fields, on_demand=on_demand, **own)
            registered.trigger = registered.cron.trigger
            for habit in ("delay", "apply_async"):
                # As Celery has it: there is no broker, and whose cluster it is is said.
                setattr(registered, habit, _not_of_celery(habit))
            return registered

        return register

    def manifests(self, *, namespace: str | None = None, revision: int | None = None) -> "list[Document]":
        """The objects that are applied: ConfigMaps, then CronTasks. Raises BadInput with all that is wrong.

        `namespace`: where nothing else says it; without one the objects say none.
        """
        from crontask.crons.manifests import manifests

        found: list[Document] = manifests(self, namespace=namespace, revision=revision)
        return found

    @overload
    def sync(
        self,
        client: "Client",
        *,
        prune: bool = False,
        revision: int | None = None,
        allow_empty: bool = False,
        take_over: bool = False,
        drain_timeout: "Timeout" = timedelta(minutes=10),
        dry_run: bool = False,
    ) -> "Synced": ...
    @overload
    def sync(
        self,
        client: "AsyncClient",
        *,
        prune: bool = False,
        revision: int | None = None,
        allow_empty: bool = False,
        take_over: bool = False,
        drain_timeout: "Timeout" = timedelta(minutes=10),
        dry_run: bool = False,
    ) -> "Coroutine[Any, Any, Synced]": ...
    def sync(self, client: Any, **how: Any) -> Any:
        """Apply all of them; of an AsyncClient, awaited. Nothing is written unless all would be taken.

        `prune`: what this owner has in the cluster and is not registered any more is suspended, waited for, and
        deleted; what has not ended within `drain_timeout` stays suspended, for the next sync. `revision`: a number that
        grows with each deployment; where a higher one has been applied nothing is changed. `take_over`: of fields that
        others own, see Client.register. Raises BadInput for a registry without tasks, unless `allow_empty`.
        """
        if in_pod_of_runner():
            fix = 'call it under if __name__ == "__main__":, or use crontask apply'
            refuse("crons.sync", "is called where the file is loaded, so in each pod of its functions", fix)
        from crontask.crons.sync import sync

        return sync(self, client, **how)

    def _add(
        self,
        name: str,
        function: "Callable[Concatenate[Context, P], R]",
        fields: "TaskSettings",
        *,
        on_demand: bool,
        image: Any,
        requires: Any,
        pod: Any,
        labels: Any,
        annotations: Any,
    ) -> Cron[P, R]:
        check_function(function)
        _checked("name", name, LONGEST_NAME)
        if name in self._crons:
            refuse("name", f"{name!r} is registered twice", "write another name for one of them")
        made = Cron(
            name,
            function,
            fields,
            on_demand=on_demand,
            image=image if image is not None else self.image,
            requires=tuple(dict.fromkeys((*self.requires, *_modules(requires)))),
            pod=pod,
            labels=dict(labels or {}),
            annotations=dict(annotations or {}),
            namespace=self.namespace,
        )
        self._crons[name] = made
        return made


def _checked(what: str, name: object, longest: int) -> str:
    """The name, if an object can have it."""
    if in_pod_of_runner():
        return str(name)
    from crontask.api.names import DNS_LABEL, near_label

    if not isinstance(name, str):
        refuse(what, f"is a {type(name).__name__}", "write a text like clean-up")
    near = near_label(name, longest)
    if not DNS_LABEL.fullmatch(name):
        problem = f"{name!r} is not made of lowercase letters, digits and hyphens, with a letter or digit at both ends"
        refuse(what, problem, f"write {near or 'a name like clean-up'}")
    if len(name) > longest:
        refuse(what, f"{name!r} has {len(name)} characters, over {longest}", f"write {near}")
    return name


def _not_of_celery(name: str) -> Callable[..., NoReturn]:
    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(
            name, "is not how a run is asked for", "write f.trigger(client, x=1), with delay= or at= beside the args"
        )

    return refused


def _modules(requires: object) -> tuple[str, ...]:
    if isinstance(requires, str) or not isinstance(requires, list | tuple | set | frozenset):
        refuse("requires", f"is {requires!r:.60}", 'write a list of modules, like ["httpx"]')
    for name in requires:
        if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
            refuse("requires", f"{name!r:.60} is not the name of a module", 'write it as imported, like ["httpx"]')
    return tuple(requires)


def _interval(every: "Duration | None", units: Mapping[str, int]) -> "Duration":
    given = {unit: value for unit, value in units.items() if value != 0}
    for unit, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool):
            refuse(unit, f"is {value!r:.40}", "write a whole number; for parts of it, smaller units")
    if (every is None) == (not given):
        problem = f"every= and {', '.join(given)}= are both given" if given else "has no length"
        refuse("interval", problem, 'write minutes=15, or every="15m"')
    if every is not None:
        return every
    try:
        return timedelta(**given)
    except OverflowError:
        refuse("interval", f"{', '.join(given)} make more than a timedelta can be", "write fewer of them")
