"""The CronTask: its spec. Its status is in task_status."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from crontask.api.base import Duration, Model, Time
from crontask.api.handler import Handler
from crontask.api.policies import After, CatchUp, Concurrency, DstPolicy, Expectation, History, Retry, SkippedDates
from crontask.api.simple_handler import Args
from crontask.timetable.cron import LONGEST_EXPRESSION

JsonSchema = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "examples": [{"required": ["region"]}]}
    ),
]
_CRON_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": LONGEST_EXPRESSION}
# For the API server; parse_cron says what is wrong.
Cron = Annotated[str, WithJsonSchema({**_CRON_SCHEMA, "examples": ["30 2 * * *"]})]
_CRON = (
    "A cron expression of five fields: minute, hour, day of month, month, day of week. For example "
    '"30 2 * * *" is 02:30 each day, "*/15 * * * *" each quarter of an hour, "0 9 * * mon-fri" 09:00 on '
    "working days. Names, ranges, steps, lists, ? and # are understood, L, L-3, 15W and LW as the day of month, and "
    "@hourly, @daily, @weekly, @monthly, @yearly. H stands for a value that is chosen by the task's name, so that many "
    "tasks spread out. "
    "Read in timeZone."
)


class CronTaskSpec(Model):
    """What should run, and when. Without schedule, schedules, interval, delay and after a task runs on demand only."""

    schedule: Cron | None = Field(default=None, examples=["30 2 * * *"], description=_CRON)
    schedules: tuple[Cron, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=20,
        examples=[["0 9 * * *"]],
        description="Several cron expressions: due when any of them is. Two that fall on one instant fire once.",
    )
    interval: Duration | None = Field(
        default=None,
        description="A fixed rate, like 10s, 5m or 1h30m, counted from startTime, else from the task's creation. A "
        "missed tick never shifts it. At least 1s.",
    )
    delay: Duration | None = Field(
        default=None,
        description="That long after the end of the task's last run, like 5m. The first run starts at startTime, else "
        "at once.",
    )
    after: After | None = Field(
        default=None, description="One run for each run of another task that ends so. The pod is given its outcome."
    )
    time_zone: str = Field(
        default="UTC",
        min_length=1,
        max_length=64,
        examples=["Europe/Berlin"],
        description="The IANA time zone of schedule, schedules and skip, like Europe/Berlin.",
    )
    dst: DstPolicy = Field(
        default=DstPolicy(),
        description="What happens to local times that a change of the clock leaves out or repeats. An expression whose "
        "hour begins with * follows real time and needs no such rule.",
    )
    start_time: Time | None = Field(default=None, description="Nothing is due before, like 2026-03-29T01:00:00Z.")
    end_time: Time | None = Field(default=None, description="Nothing is due from then on.")
    max_runs: int | None = Field(
        default=None, ge=1, le=1_000_000_000, description="The task is completed after so many scheduled starts."
    )
    jitter: Duration | None = Field(
        default=None,
        description="Starts are moved by up to that long (at most half the gap to the next time), each time by as much "
        "as the task's name and the time choose. The nominal time stays.",
    )
    skip: tuple[SkippedDates, ...] = Field(
        default=(),
        max_length=100,
        examples=[[{"from": "2026-12-24"}]],
        description="Local dates on which nothing is due, like holidays.",
    )
    suspend: bool = Field(
        default=False,
        description="True: nothing starts on schedule. What runs goes on, and manual runs work. Times that pass "
        "meanwhile are not made up for.",
    )
    suspend_until: Time | None = Field(
        default=None, description="Suspended until then; then the task resumes by itself. That instant itself is due."
    )
    suspend_reason: str | None = Field(
        default=None,
        max_length=256,
        examples=["maintenance"],
        description="Why it is suspended; shown in the condition and in an event.",
    )
    suspend_after_failures: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="So many failures in a row suspend the task. A new value of the annotation crontask.dev/resume, or "
        "an edit of the spec, resumes it.",
    )
    concurrency: Concurrency = Field(
        default=Concurrency(), examples=[{"policy": "Queue"}], description="What happens when runs overlap."
    )
    starting_deadline: Duration | None = Field(
        default=None, description="A time that cannot start within that long is missed, and recorded. At least 1s."
    )
    catch_up: CatchUp = Field(
        default=CatchUp(), description="What happens to times that passed while nobody could start them."
    )
    handler: Handler = Field(
        examples=[{"container": {"image": "busybox:1.36"}}], description="What runs: exactly one of the variants."
    )
    args: Args = Field(default={}, description="Handed to the handler as JSON in CRONTASK_ARGS. At most 100 KiB.")
    args_schema: JsonSchema | None = Field(
        default=None, description="A JSON Schema of args: a run whose args do not fit never starts a pod."
    )
    result_schema: JsonSchema | None = Field(
        default=None, description="A JSON Schema of the result: a run whose result does not fit has failed."
    )
    timeout: Duration | None = Field(
        default=None,
        description="The longest an attempt may take from the start of its first container, like 30s or 2h. Then its "
        "pod is stopped with its grace period, and the run is TimedOut.",
    )
    start_timeout: Duration | None = Field(
        default=None,
        description="The longest that an attempt's pod may take to start, without the work of init containers. 15m "
        "unless set.",
    )
    total_timeout: Duration | None = Field(
        default=None, description="The longest that a run may take with all its attempts and pauses."
    )
    retry: Retry | None = Field(
        default=None, examples=[{"limit": 3}], description="How a failed attempt is tried again."
    )
    history: History = Field(
        default=History(),
        examples=[{"failed": 10}],
        description="How many finished runs are kept: 3 that succeeded and 3 that did not, unless set. None is removed "
        "before it is ten minutes old, so that of a task which runs often there are more.",
    )
    expect: Expectation | None = Field(
        default=None,
        examples=[{"finishWithin": "30m", "successWithin": "25h"}],
        description="How long a run, or the task without a success, may take until the condition Overdue says so. It "
        "stops nothing, and clears by itself.",
    )
    ttl_after_finished: Duration | None = Field(
        default=None, description="No finished run is kept longer. 168h unless set."
    )
