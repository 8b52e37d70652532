"""The page that shows the results, as tables and plots: docs/measurements.md."""

from collections.abc import Mapping, Sequence

from benchmarks.results import Row, load, summary

_HEAD = """# What was measured

On two cores and one machine for all of it: etcd, kube-apiserver, the operator or the controller manager, a stand-in
kubelet and the client that watches. Medians of the repetitions, and the worst maximum; variants in turn. How, what
each word means, and how to measure again: [benchmarks/README.md](../benchmarks/README.md). Each repetition with its
date is in [benchmarks/results](../benchmarks/results), from which `hack/docs.py` writes this page; rows of one table
may have been measured hours apart. Compare them with each other, not with another machine.
"""
_VARIANTS = {
    "crontask": "**crontask**",
    "one-task": "**crontask**, runs that somebody made of one task",
    "cronjob": "CronJob as shipped",
    "cronjob-tuned": "CronJob, QPS 5000, 50 + 50 workers",
    "raw": "a client that only creates the same pods",
    "client": "a client that makes the same runs, pods and statuses, and decides nothing",
    "client-of-pods": "a client that only creates the same pods",
}
# A bar that is longer than so many times the shortest leaves nothing to see of the others.
_LONGEST_BAR = 40
# Of the machine that all is measured on.
_CORES = 2
_LAG = {"p50": "p50", "p99": "p99", "max": "max"}


def page() -> str:
    """The page. What was never measured is left out."""
    sections = (
        _lags(),
        _writes(),
        _ends(),
        _sustained(),
        _steps(),
        _fan_out(),
        _beside(),
        _requests(),
        _prune(),
        _start(),
        _idle(),
        _growth(),
        _scrape(),
        _dashboard(),
        _open_pages(),
        _runner(),
        _batches(),
        _command_line(),
        _cost(),
    )
    return "\n".join((_HEAD, *filter(None, sections)))


def _lags() -> str:
    rows = summary(load("lag"))
    parts = []
    for tasks in dict.fromkeys(row["tasks"] for row in rows):
        of_size = [row for row in rows if row["tasks"] == tasks]
        parts.append(f"### {tasks:,} due at once\n")
        parts.append(_table({"variant": "", **_LAG, "repetitions": "repetitions"}, of_size))
        parts.append(_plot(f"{tasks:,} due at once: p99, seconds", of_size, "p99"))
    return _section("From the nominal time until another client sees the pod", "Seconds.", parts, rows)


def _writes() -> str:
    fields = {
        "tasks": "runs at once",
        "variant": "",
        "writes_a_run": "object writes",
        "events_a_run": "events",
        "cpu_a_run": "ms of processor",
    }
    words = "Of a run: of one on its own, and of each in a burst; its removal comes later and is one more."
    return _one_table("writes", "What a run costs", words, fields)


def _ends() -> str:
    rows = summary(load("end"))
    parts = [_table({"variant": "", "ends": "at once", **_LAG}, rows), _plot("p99, seconds", rows, "p99")]
    return _section("From the end of a pod until its run, or its Job, says so", "Seconds.", parts, rows)


def _sustained() -> str:
    fields = {
        "variant": "",
        "tasks": "tasks, each due once a second",
        "seconds": "for seconds",
        "times": "times",
        "started": "started",
        **_LAG,
        "p50_first_quarter": "p50, first quarter",
        "p50_last_quarter": "p50, last quarter",
        "writes_a_run": "writes a run",
        "cpu_a_run": "ms of processor a run: operator",
        "apiserver_cpu_a_run": "API server",
        "etcd_cpu_a_run": "etcd",
        "cores_busy": "cores busy",
    }
    words = (
        "Seconds after the nominal times. What is counted a run is for each that was started. Where nearly all cores"
        " are busy, the machine has no more to give, whoever starts the pods."
    )
    return _one_table("sustained", "Due each second", words, fields)


def _steps() -> str:
    fields = {"variant": "", "tasks": "workflows at once", **_LAG}
    words = (
        "Seconds from the end of a step's pod until another client sees the next step's pod. In between, the run of the"
        " one step is recorded as ended, and that of the next and its pod are created."
    )
    return _one_table("steps", "From one step to the next", words + _shared("steps"), fields)


def _fan_out() -> str:
    fields = {
        "variant": "",
        "tasks": "items, 50 at a time",
        "elapsed": "seconds",
        "writes_a_part": "object writes a part",
        "parent_writes": "writes to the whole run",
        "cpu_a_part": "ms of processor a part",
    }
    return _one_table("fan-out", "Many items", "Pods that end at once." + _shared("fan-out"), fields)


def _beside() -> str:
    fields = {"tasks": "tasks due at once", "runs": "workflows that start then", **_LAG}
    words = "Seconds after the nominal time until another client sees the pods of tasks, with and without workflows."
    return _one_table("beside", "Tasks beside workflows", words + _shared("beside"), fields)


def _requests() -> str:
    fields = {"variant": "", "milliseconds": "ms of processor", "bytes": "bytes of the object"}
    words = (
        "Each by one client, one at a time. A run has a POST of itself and of its pod, two PUTs of its own status and"
        " up to two of its task's; the kubelet's patches and the events come on top."
    )
    return _one_table("requests", "What a write costs the API server", words, fields)


def _prune() -> str:
    fields = {"tasks": "due at once", "runs": "runs to remove", "removed": "removed", **_LAG}
    words = "Seconds after the nominal time, while finished runs are removed, and without."
    return _one_table("prune", "Removal beside launches", words, fields)


def _start() -> str:
    fields = {
        "tasks": "tasks, and finished runs",
        "secondsToPod": "seconds from the start of the process to the pod of a run that waits",
        "rssMegabytes": "MB",
        "listSeconds": "a client that lists the same: seconds",
        "listRssMegabytes": "its MB",
    }
    return _one_table("start", "Cold start", "", fields)


def _idle() -> str:
    fields = {
        "variant": "",
        "tasks": "tasks that are not due",
        "seconds": "for seconds",
        "writes": "writes",
        "leaseRequests": "requests for the Lease",
        "cpuPercentOfACore": "% of a core",
        "rssMegabytes": "MB",
    }
    return _one_table("idle", "At rest", "", fields)


def _growth() -> str:
    fields = {
        "tasks": "tasks",
        "finishedRuns": "finished runs",
        "decisionMicroseconds": "µs a decision",
        "kilobytesATask": "kB a task with its runs",
        "secondsToRead": "seconds to read all",
        "secondsToDecideAll": "seconds to decide about all",
    }
    rows = sorted(summary(load("growth")), key=lambda row: int(row["tasks"]))
    parts = [_table(fields, rows)]
    if rows:
        sizes = [row["tasks"] for row in rows]
        parts += [
            _line("microseconds a decision", "tasks", sizes, [row["decisionMicroseconds"] for row in rows]),
            _line("kilobytes a task", "tasks", sizes, [row["kilobytesATask"] for row in rows]),
            _line("seconds to read all", "tasks", sizes, [row["secondsToRead"] for row in rows]),
        ]
    words = "In one process, without an API server. Flat but for the time to read all, which grows with their number."
    return _section("Ever more tasks", words, parts, rows)


def _scrape() -> str:
    fields = {
        "tasks": "tasks",
        "series": "series",
        "milliseconds": "ms a page",
        "firstMilliseconds": "ms the first page",
        "microsecondsATask": "µs a task",
        "ratio": "decisions that cost as much as a task's lines",
        "longestSliceMilliseconds": "longest time the loop is kept, ms",
    }
    rows = sorted(summary(load("scrape")), key=lambda row: int(row["tasks"]))
    words = (
        "Processor time, in one process, without an API server. While launches are on their way nothing of it is made."
    )
    return _section("A scrape of /metrics", words, [_table(fields, rows)], rows)


def _dashboard() -> str:
    fields = {
        "tasks": "tasks",
        "runs": "runs",
        "p50Milliseconds": "ms to the first byte of the list of tasks, half of the requests",
        "p99Milliseconds": "99 of 100",
        "kilobytes": "kB of the page",
        "paintMilliseconds": "ms to the first paint",
        "paintOfEmpty": "times that of an empty list",
        "changeMilliseconds": "ms from a write to its sight in an open page, half of them",
        "slowestChange": "the slowest of 20",
        "rssMegabytes": "MB",
        "rssMegabytesAfter": "MB after all of this",
        "requestsAtRest": "requests in 30 s at rest",
    }
    words = "Served for many, over HTTP on loopback and in headless Chromium (`python -m benchmarks page`)."
    return _one_table("page", "The page", words, fields)


def _open_pages() -> str:
    fields = {"variant": "", "tasks": "tasks due at once", "p50": "p50, s", "p99": "p99, s", "max": "max, s"}
    words = "Seconds from the nominal time to the pod, while pages of the same tasks are open."
    return _one_table("open-pages", "Tasks beside open pages", words, fields)


def _runner() -> str:
    fields = {"variant": "", "milliseconds": "ms", "more": "ms more than a bare interpreter"}
    words = "A process of the runner, from its start to its end, for work that takes no time."
    return _one_table("runner", "Handlers that need no image", words, fields)


def _batches() -> str:
    fields = {"variant": "", "batches": "batches of 1 ms", "elapsed": "seconds"}
    words = "One process of the runner, as a pod with `reusePodFor` is; beside as many calls in a loop."
    return _one_table("batches", "Many batches, one pod", words, fields)


def _command_line() -> str:
    fields = {"variant": "`crontask …`", "milliseconds": "ms of processor", "more": "ms more than a bare interpreter"}
    words = "A process of the command line, from its start to its end; a year of each minute has 525,599 starts."
    return _one_table("command-line", "Commands without a cluster", words, fields)


def _cost() -> str:
    rows = load("cost")
    parts = []
    for title in dict.fromkeys(row["table"] for row in rows):
        table = [row for row in rows if row["table"] == title]
        fields = {name: name for name in table[0] if name not in ("table", "measured")}
        parts.append(f"### {title[0].upper()}{title[1:]}\n\n{_table(fields, table)}")
    words = "In one process, without an API server (`python -m benchmarks cost`)."
    return _section("Computing", words, parts, rows)


def _shared(name: str) -> str:
    """Where others had the machine too, how far the numbers go."""
    most = max((row["load"] for row in load(name)), default=0.0)
    if most <= _CORES:
        return ""
    return f" Others had the machine as well (load up to {most}), so all took far longer: compare these rows alone."


def _one_table(name: str, title: str, words: str, fields: Mapping[str, str]) -> str:
    """The section of a measurement that has no plot."""
    rows = summary(load(name))
    return _section(title, words, [_table(fields, rows)], rows)


def _section(title: str, words: str, parts: Sequence[str], rows: Sequence[Row]) -> str:
    """Nothing if nothing was measured. The dates are those of the rows."""
    if not rows:
        return ""
    days = sorted({row["measured"][:10] for row in rows})
    dates = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return "\n".join((f"## {title}\n", f"{words} Measured {dates}.".strip() + "\n", *parts))


def _table(fields: Mapping[str, str], rows: Sequence[Row]) -> str:
    """`fields`: the header of each; those that no row has are left out."""
    known = {field: header for field, header in fields.items() if any(field in row for row in rows)}
    lines = [f"| {' | '.join(known.values())} |", "|---" * len(known) + "|"]
    lines += ["| " + " | ".join(_cell(row.get(field, "")) for field in known) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _plot(title: str, rows: Sequence[Row], field: str) -> str:
    """Bars; what is too long for them is said in words."""
    if not rows:
        return ""
    shortest = min(row[field] for row in rows)
    shown = [row for row in rows if row[field] <= _LONGEST_BAR * shortest]
    longer = [f"{_plain(row)}: {row[field]}" for row in rows if row not in shown]
    names = ", ".join(f'"{_plain(row)}"' for row in shown)
    bars = ", ".join(str(row[field]) for row in shown)
    chart = f'```mermaid\nxychart-beta horizontal\n    title "{title}"\n    x-axis [{names}]\n    bar [{bars}]\n```\n'
    return chart + (f"\nToo long to be drawn: {', '.join(longer)}.\n" if longer else "")


def _line(title: str, axis: str, across: Sequence[object], up: Sequence[float]) -> str:
    """A line through points, from 0."""
    names, points = ", ".join(f'"{each}"' for each in across), ", ".join(map(str, up))
    highest = max(up) * 1.2
    lines = (
        "```mermaid",
        "xychart-beta",
        f'    title "{title}"',
        f'    x-axis "{axis}" [{names}]',
        f"    y-axis 0 --> {highest:.3g}",
        f"    line [{points}]",
        "```",
    )
    return "\n".join(lines) + "\n"


def _plain(row: Row) -> str:
    return str(row["variant"]).partition(" ")[0]


def _cell(value: object) -> str:
    if isinstance(value, str):
        name, _, best = value.partition(" (best: raw-")
        words = _VARIANTS.get(name) or (f"`{value}`" if "*" in value else value)
        return f"{words} ({best.rstrip(')')} connections)" if best else words.replace("|", "\\|")
    return f"{value:,}" if isinstance(value, int) else str(value)
