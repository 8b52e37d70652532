"""What a seed makes of it: the tasks, how their pods go, what people do, and what goes wrong and when."""

from dataclasses import dataclass, field
from random import Random
from typing import Any
from zlib import crc32

from chaos.expectations import expect, has_expectations
from crontask.ports import Document
from crontask.simulation.kubelet import Plan

CHAOS_SECONDS = 300
CONTAINER = {"container": {"image": "busybox:1.36"}}
_POLICIES = ("Forbid", "Forbid", "Replace", "Queue", "Allow")


@dataclass(frozen=True)
class Event:
    """Something that happens at a second."""

    at: float
    what: str
    number: float = 0.0


@dataclass
class Story:
    """All of it."""

    seed: int
    tasks: list[Document] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    standby: bool = False

    def plan(self, pod: Document) -> Plan:
        """How a pod goes: by its name and the seed alone, so that no order of things changes it."""
        random = Random(crc32(f"{self.seed}/{pod['metadata']['name']}".encode()))
        kind = random.random()
        stops = _stops(random)
        if kind < 0.05:
            return Plan(starts_in=10_000, **stops)
        starts_in = random.choice([0, 0.2, 1])
        if kind < 0.12:
            return Plan(runs=None, starts_in=starts_in, **stops)
        runs, reports_in = random.choice([0, 1, 3, 8, 20]), random.choice([0, 0, 1.2])
        return Plan(runs, int(kind < 0.35), starts_in=starts_in, reports_in=reports_in, **stops)


def _stops(random: Random) -> dict[str, Any]:
    """How a pod is stopped: at once or slowly, by a kubelet that is silent, or that does not look at deadlines."""
    return {
        "stops_in": random.choice([0.5, 0.5, 2, 12]),
        # Some end as if they had done their work.
        "stops_with": random.choice([143, 143, 0]),
        "notices_in": random.choice([0, 0, 0, 0, 0.3, 3, 75]),
        "notices_deadlines": random.random() > 0.05,
    }


# What goes wrong, or what somebody does, and how often, compared with the others.
_KINDS: dict[str, float] = {
    "kill": 4,
    "kill at a stop": 2,
    "terminate": 1,
    "freeze": 2,
    "cut": 2,
    "api down": 1,
    "drop watches": 2,
    "forget versions": 2,
    "bad weather": 3,
    "delete a pod": 3,
    "evict a pod": 2,
    "lose a pod": 2,
    "remove a run": 0.5,
    "cancel a run": 2,
    "pause": 1,
    "edit": 1,
    "pause in between": 1,
    "edit in between": 1,
    "absence and pause": 1,
    "absence and edit": 0.5,
    "refuse runs": 2,
    "refuse pods": 2,
    "refuse and pause": 1,
    "take, and say no": 1,
    "remove a task": 0.3,
    "clock": 0.7,
    "manual run": 6,
    "run with a key": 3,
    "run and complete": 3,
    "do again": 1.5,
    "take a name": 1.5,
    "take a pod's name": 1,
}


def make_story(seed: int) -> Story:
    """The story of a seed."""
    random = Random(seed)
    story = Story(seed, standby=random.random() < 0.5)
    for number in range(random.randint(2, 4)):
        story.tasks.append(_task(f"t{number}", random))
    if random.random() < 0.5:
        after = {"task": story.tasks[0]["metadata"]["name"], "on": random.choice(["Succeeded", "Failed", "Finished"])}
        story.tasks.append(_document("follows", {"after": after, "handler": CONTAINER}))
    if random.random() < 0.4:
        limit = random.choice([{}, {"max": 2}])
        for name in ("g0", "g1"):
            concurrency = {"policy": random.choice(["Forbid", "Queue"]), "group": "g", **limit}
            story.tasks.append(_document(name, {"interval": "25s", "concurrency": concurrency, "handler": CONTAINER}))
    story.tasks.append(_document("on-demand", {"handler": CONTAINER, "concurrency": {"policy": "Allow"}}))
    if has_expectations(seed):
        expect(story.tasks)
    kinds, weights = list(_KINDS), list(_KINDS.values())
    # A few kinds a story, so that each is met alone, too.
    chosen = random.choices(kinds, weights, k=random.randint(1, 5))
    for _ in range(random.randint(4, 14)):
        story.events.append(Event(round(random.uniform(5, CHAOS_SECONDS), 3), random.choice(chosen), random.random()))
    story.events.sort(key=lambda event: event.at)
    return story


def _task(name: str, random: Random) -> Document:
    timing: dict[str, Any] = random.choice(
        [{"interval": f"{random.randint(15, 60)}s"}, {"interval": "20s"}, {"schedule": "* * * * *"}, {"delay": "15s"}]
    )
    spec: Document = {**timing, "handler": CONTAINER, "startTimeout": "40s"}
    if "delay" not in timing:
        if random.random() < 0.35:
            spec["jitter"] = f"{random.choice([5, 15, 40])}s"
        policy = random.choice(_POLICIES)
        spec["concurrency"] = {"policy": policy, **({"max": random.choice([1, 2])} if random.random() < 0.4 else {})}
        spec["catchUp"] = {"policy": random.choice(["Latest", "None", "All"])}
        if random.random() < 0.2:
            spec["startingDeadline"] = f"{random.choice([10, 30])}s"
    if random.random() < 0.6:
        spec["retry"] = {
            "limit": random.choice([0, 1, 3]),
            "max": "5s",
            "maxLost": random.choice([0, 3]),
            "onLost": random.choice(["Retry", "Retry", "Fail"]),
        }
    if random.random() < 0.4:
        spec["timeout"] = f"{random.choice([5, 15])}s"
    else:
        # Pods that never end would fill every slot.
        spec["timeout"] = "45s"
    if random.random() < 0.5:
        spec["history"] = {"succeeded": random.choice([0, 1]), "failed": 1}
    return _document(name, spec)


def _document(name: str, spec: Document) -> Document:
    return {"kind": "CronTask", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
