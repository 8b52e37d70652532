"""What an operator should decide in a history: second by second, written from the rules alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from histories import FAILOVER, SKEW, Decided, History

# What the API server refuses is tried again after 2, 4, 8 … seconds, and never less often than that.
LONGEST_PAUSE = 30
# A pod that is refused so is never taken; the others may be.
FINAL = 422


@dataclass
class Run:
    """A run that holds a slot. While its pod is refused it has not started."""

    nominal: int
    started: int | None = None
    refused_since: int | None = None
    retry_at: int = 0
    tries: int = 0


@dataclass
class Refusal:
    """The API server took no run of the task. None is tried before `retry_at`."""

    retry_at: int
    tries: int


@dataclass
class Oracle:
    """Goes through a history. Nominal times up to `watermark` are decided, and none up to `since` is due.

    `now` is the true time, in which runs take their time; `clock` is what the operator takes it for.
    """

    history: History
    watermark: int = 0
    since: int = 0
    now: int = 0
    clock: int = 0
    gap: int = 0
    paused: bool = False
    # Whether this operator has decided before, and whether it has seen the timing that is effective.
    first_look: bool = False
    knows_timing: bool = False
    running: list[Run] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    missed: set[int] = field(default_factory=set)
    entries: list[Decided] = field(default_factory=list)
    refusal: Refusal | None = None
    # Whether the status says that runs are refused.
    said_refused: bool = False
    # Whether more was missed while missed times still waited: the rules do not say who of those is left out.
    unsure: bool = False

    def decide(self) -> list[Decided]:
        """All decisions, in order."""
        self.gap = self.history.gap
        for now in range(self.history.length):
            self.now = now
            behind = self.history.behind(self.now)
            self.clock = self.now - behind
            if self.history.is_down(self.now):
                self._forget()
                continue
            self.knows_timing = self.knows_timing or self.history.gap_at(self.now) == self.gap
            self._second(behind > SKEW)
            self.first_look, self.said_refused = False, self.refusal is not None
        return sorted(self.entries)

    def _forget(self) -> None:
        """The operator is gone. What the API server said against a run or a pod is asked anew by the next one."""
        self.first_look, self.knows_timing, self.refusal = True, False, None
        for run in self.running:
            run.refused_since, run.retry_at, run.tries = None, 0, 0

    def _second(self, skewed: bool) -> None:
        self._end_runs()
        is_paused, edited = self.history.is_paused(self.now), self.history.gap_at(self.now) != self.gap
        if is_paused:
            self._drop_unstarted()
        if skewed:
            # An edit and a resume count from a time that can be believed.
            if is_paused and not self.paused:
                self._leave_out(edited, blindly=True)
            self.paused = self.paused or is_paused
            return
        if not self.paused and (edited or is_paused):
            self._leave_out(edited, blindly=is_paused and self.first_look)
        if edited or self.paused:
            # What was due up to now, when they are seen, is not due (guarantees 2 and 3).
            self.gap, self.since = self.history.gap_at(self.now), max(self.since, self.clock)
            self.knows_timing = True
        self.paused = is_paused
        if not self.paused:
            self._decide_times()

    # --- edits and pauses --------------------------------------------------------------------------------------------

    def _leave_out(self, edited: bool, blindly: bool) -> None:
        """An edit or a pause begins: each time that came due before it, and has not started, is recorded."""
        left_out = self._times_up_to(self.clock)
        if (edited and not self.knows_timing) or (blindly and left_out):
            # Nobody knows which they were, or which came before the pause.
            self._tell("Unseen", [self.now])
        elif not blindly:
            # Of those whose start had come, only the API server was in the way.
            rejected = [time for time in left_out if self._is_rejected and self._start_of(time) <= self.clock]
            self._tell("Reject", rejected)
            self._tell("Drop", [time for time in left_out if time not in rejected])
        self.watermark = max(self.watermark, self.clock)

    def _drop_unstarted(self) -> None:
        """What waits in a queue, or for the API server to take its pod, is dropped by a pause (guarantee 14)."""
        refused = [run for run in self.running if run.started is None]
        self.running = [run for run in self.running if run.started is not None]
        self._tell("Drop", [*self.waiting, *(run.nominal for run in refused)])
        self.waiting = []

    # --- times -------------------------------------------------------------------------------------------------------

    def _decide_times(self) -> None:
        queued_before = list(self.waiting)
        self._expire_unstarted()
        due = [time for time in self._times_up_to(self.clock) if self._start_of(time) <= self.clock]
        left = [time for time in due if not self._expired(time)]
        chosen = self._chosen(left)
        rejected = self._is_rejected
        if self.history.policy != "Replace":
            self._retry_pods()
        self._start_waiting()
        decided = self._serve(chosen, catches_up=left != [time for time in left[-1:] if self._on_time(time)])
        undecided = [time for time in chosen if time not in decided]
        told = "Reject" if rejected or self._is_rejected else "Miss"
        self._tell(told, [time for time in due if time not in chosen])
        self.watermark = max((self.watermark, *(time for time in due if time not in undecided)))
        # What was replaced is not tried again before.
        self._retry_pods()
        self._start_waiting()
        self._tell("Queue", [time for time in self.waiting if time not in queued_before])

    def _chosen(self, due: list[int]) -> list[int]:
        """Which times of those that nobody could start yet may start (guarantee 8)."""
        history, on_time = self.history, [time for time in due[-1:] if self._on_time(time)]
        if history.catch_up == "None" or due == on_time:
            return on_time
        if history.catch_up == "Latest":
            return due[-1:]
        # What waits from an earlier absence is within the limit too; what is due just now is no missed time.
        backlog = len(self.missed.intersection((*self.waiting, *(run.nominal for run in self._refused))))
        self.unsure = self.unsure or backlog > 0
        room = max(0, history.limit - backlog - len(on_time))
        late = due[: len(due) - len(on_time)]
        return [*late[max(0, len(late) - room) :], *on_time]

    def _serve(self, chosen: list[int], catches_up: bool) -> list[int]:
        """Those of the times that are decided: from the first on whose run is refused they are not."""
        decided = []
        for time in chosen:
            in_turn = catches_up and self.history.catch_up == "All"
            if not (self._queue_up(time) if in_turn else self._come_due(time)):
                break
            decided.append(time)
        return decided

    def _come_due(self, time: int) -> bool:
        """One time under the concurrency policy (guarantee 9); behind what waits, for that is older."""
        history = self.history
        if self.missed.intersection(self.waiting) and not (self._has_room() and not self.waiting):
            return self._queue_up(time)
        if not self.waiting and self._has_room():
            return self._make_and_start(time)
        if history.policy == "Replace":
            if not self._may_try_run():
                return False
            self._tell("Replace", [time])
            replaced = min(self.running, key=lambda run: run.nominal)
            self.running.remove(replaced)
            if replaced.started is None:
                self._tell("Cancel", [replaced.nominal])
            return self._make_and_start(time)
        if history.policy == "Queue" and len(self.waiting) < history.queue_limit:
            return self._make_and_wait(time)
        self._tell("Skip", [time])
        return True

    def _queue_up(self, time: int) -> bool:
        """A missed time, or one behind such, starts in its turn."""
        if not self._make_and_wait(time):
            return False
        self.missed.add(time)
        return True

    # --- runs --------------------------------------------------------------------------------------------------------

    def _may_try_run(self) -> bool:
        return self.refusal is None or self.refusal.retry_at <= self.clock

    def _make_run(self) -> bool:
        """Whether the API server is asked for a run, and takes it."""
        if not self._may_try_run():
            return False
        if self.history.refused_run(self.now) is None:
            self.refusal = None
            return True
        tries = self.refusal.tries + 1 if self.refusal is not None else 1
        self.refusal = Refusal(self.clock + _pause(tries), tries)
        return False

    def _make_and_start(self, time: int) -> bool:
        made = self._make_run()
        if made:
            self._begin(time)
        return made

    def _make_and_wait(self, time: int) -> bool:
        made = self._make_run()
        if made:
            self.waiting.append(time)
        return made

    def _start_waiting(self) -> None:
        while self.waiting and self._has_room():
            self._begin(self.waiting.pop(0))

    def _begin(self, time: int) -> None:
        self.running.append(run := Run(time))
        self._try_pod(run)

    def _retry_pods(self) -> None:
        for run in self._refused:
            if run.retry_at <= self.clock:
                self._try_pod(run)

    def _try_pod(self, run: Run) -> None:
        refused = self.history.refused_pod(self.now)
        if refused is None:
            run.started = self.now
            self._tell("Start", [run.nominal])
        elif refused == FINAL:
            self._fail(run)
        else:
            run.refused_since = self.clock if run.refused_since is None else run.refused_since
            run.tries += 1
            run.retry_at = self.clock + _pause(run.tries)

    def _end_runs(self) -> None:
        takes, timeout = self.history.takes, self.history.start_timeout
        self.running = [run for run in self.running if run.started is None or run.started + takes > self.now]
        for run in self._refused:
            if run.refused_since is not None and run.refused_since + timeout <= self.clock:
                self._fail(run)

    def _fail(self, run: Run) -> None:
        self.running.remove(run)
        self._tell("Fail", [run.nominal])

    def _expire_unstarted(self) -> None:
        """A deadline holds for what waits in a queue, or for its pod, too (guarantee 6)."""
        refused = [run.nominal for run in self._refused if self._expired(run.nominal)]
        self._tell("Miss", [*(time for time in self.waiting if self._expired(time)), *refused])
        self.waiting = [time for time in self.waiting if not self._expired(time)]
        self.running = [run for run in self.running if run.nominal not in refused]

    @property
    def _refused(self) -> list[Run]:
        return [run for run in self.running if run.started is None]

    @property
    def _is_rejected(self) -> bool:
        return self.said_refused or self.refusal is not None

    # --- when --------------------------------------------------------------------------------------------------------

    def _times_up_to(self, last: int) -> list[int]:
        """The undecided nominal times of the effective timing."""
        return [time for time in range(max(self.watermark, self.since) + 1, last + 1) if time % self.gap == 0]

    def _start_of(self, time: int) -> int:
        """When the run of a nominal time may start (guarantee 6)."""
        return self.history.start_of(time, self.gap)

    def _has_room(self) -> bool:
        unbounded = self.history.policy == "Allow" and self.history.max is None
        return unbounded or len(self.running) < (self.history.max or 1)

    def _on_time(self, time: int) -> bool:
        return self.clock - self._start_of(time) < FAILOVER

    def _expired(self, time: int) -> bool:
        deadline = self.history.deadline
        return deadline is not None and self.clock - self._start_of(time) >= deadline

    def _tell(self, what: str, times: Iterable[int]) -> None:
        self.entries += [Decided(self.now, time, what) for time in times]


def _pause(tries: int) -> int:
    return min(LONGEST_PAUSE, int(2**tries))
