"""What an operator should decide in a history: second by second, written from the rules alone.

Callers: tests.
"""

from dataclasses import dataclass, field

from histories import FAILOVER, SKEW, Decided, History


@dataclass
class Oracle:
    """Goes through a history. Nominal times up to `mark` are decided, and none up to `since` is due.

    `now` is the true time, in which runs take their time; `clock` is what the operator takes it for.
    """

    history: History
    mark: int = 0
    since: int = 0
    now: int = 0
    clock: int = 0
    gap: int = 0
    paused: bool = False
    was_down: bool = False
    running: list[tuple[int, int]] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    missed: set[int] = field(default_factory=set)
    entries: list[Decided] = field(default_factory=list)
    # Whether more was missed while missed times still waited: the rules do not say who of those is left out.
    unsure: bool = False

    def decide(self) -> list[Decided]:
        """All decisions, in order."""
        self.gap = self.history.gap
        was_away = False
        for now in range(self.history.length):
            self.now = now
            down = self.history.is_down(self.now)
            behind = self.history.behind(self.now)
            self.clock = self.now - behind
            if not down:
                self._second(behind > SKEW, was_away)
            was_away, self.was_down = down or behind > SKEW, down
        return sorted(self.entries)

    def _second(self, skewed: bool, came_back: bool) -> None:
        takes = self.history.takes
        self.running = [(start, nominal) for start, nominal in self.running if start + takes > self.now]
        if self.history.is_paused(self.now):
            self._tell("Skip", self.waiting)
            self.waiting = []
        if skewed:
            # An edit and a resume count from a time that can be believed.
            self.paused = self.paused or self.history.is_paused(self.now)
            return
        edited = self.history.gap_at(self.now) != self.gap
        if edited and self.was_down and not self.paused:
            self._tell("Unseen", [self.now])
        if edited or self.paused:
            # What was due up to now, when they are seen, is not due (rules 2 and 3).
            self.gap, self.since = self.history.gap_at(self.now), self.clock
        self.paused = self.history.is_paused(self.now)
        if self.paused:
            return
        due = [time for time in range(max(self.mark, self.since) + 1, self.clock + 1) if time % self.gap == 0]
        self.mark = max((self.mark, *due))
        expired = [time for time in (*self.waiting, *due) if self._expired(time)]
        self._tell("Miss", expired)
        self.waiting = [time for time in self.waiting if time not in expired]
        due = [time for time in due if time not in expired]
        queued_before = list(self.waiting)
        if came_back and due != [time for time in due[-1:] if self._on_time(time)]:
            self._catch_up(due)
        else:
            for time in due:
                self._come_due(time)
        self._start_waiting()
        self._tell("Queue", [time for time in self.waiting if time not in queued_before])

    def _catch_up(self, due: list[int]) -> None:
        """What came due while nobody could start it (rule 8)."""
        history = self.history
        on_time = [time for time in due[-1:] if self._on_time(time)]
        if history.catch_up == "All":
            # What waits from an earlier absence is within the limit too; what is due just now is no missed time.
            backlog = len(self.missed.intersection(self.waiting))
            self.unsure = self.unsure or backlog > 0
            room = max(0, history.limit - backlog - len(on_time))
            late = due[: len(due) - len(on_time)]
            chosen = [*late[max(0, len(late) - room) :], *on_time]
            self.waiting += chosen
            self.missed.update(chosen)
        else:
            chosen = due[-1:] if history.catch_up == "Latest" else on_time
        self._tell("Miss", [time for time in due if time not in chosen])
        if history.catch_up != "All":
            for time in chosen:
                self._come_due(time)

    def _come_due(self, time: int) -> None:
        """One time under the concurrency policy (rule 9); behind what waits, for that is older."""
        behind = self.missed.intersection(self.waiting)
        self._start_waiting()
        history = self.history
        if behind and not (self._has_room() and not self.waiting):
            self.waiting.append(time)
            self.missed.add(time)
        elif not self.waiting and self._has_room():
            self._start(time)
        elif history.policy == "Replace":
            self._tell("Replace", [time])
            self.running.remove(min(self.running))
            self._start(time)
        elif history.policy == "Queue" and len(self.waiting) < history.queue_limit:
            self.waiting.append(time)
        else:
            self._tell("Skip", [time])

    def _start_waiting(self) -> None:
        while self.waiting and self._has_room():
            self._start(self.waiting.pop(0))

    def _start(self, time: int) -> None:
        self.running.append((self.now, time))
        self._tell("Start", [time])

    def _has_room(self) -> bool:
        unbounded = self.history.policy == "Allow" and self.history.max is None
        return unbounded or len(self.running) < (self.history.max or 1)

    def _on_time(self, time: int) -> bool:
        return self.clock - time < FAILOVER

    def _expired(self, time: int) -> bool:
        return self.history.deadline is not None and self.clock - time >= self.history.deadline

    def _tell(self, what: str, times: list[int]) -> None:
        self.entries += [Decided(self.now, time, what) for time in times]
