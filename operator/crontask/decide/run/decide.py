"""What should happen to one run, from its creation to its recorded end."""

from dataclasses import replace
from datetime import datetime

from crontask.api.base import cut
from crontask.decide.attempt.report import LONGEST_MESSAGE
from crontask.decide.decisions import RunDecisions
from crontask.decide.run.logs_url import with_logs_url
from crontask.decide.run.rules import RULES
from crontask.decide.stage import Stage, stage_of
from crontask.decide.views import RunView

RULES_OF = {stage: tuple(rule.decide for rule in RULES if stage in rule.stages) for stage in Stage}


def decide_run(view: RunView, now: datetime, logs_url: str = "") -> RunDecisions:
    """The decisions for a run at an instant: of the rules of its stage, the first that has something to say.

    `logs_url`: the template of where its log can be read when its pod is gone.
    """
    rules = RULES_OF[stage_of(view)]
    decided = next(decided for rule in rules if (decided := rule(view, now)) is not None)
    decided = with_logs_url(view, decided, logs_url)
    return until_it_is_followed_up(view, decided, now) if decided.follow_ups else decided


def until_it_is_followed_up(view: RunView, decided: RunDecisions, now: datetime) -> RunDecisions:
    """What an end causes exists before it is recorded: while the API server refuses that, the status says so."""
    refusal = view.follow_up_refusal
    if refusal is None or refusal.retry_at <= now:
        return decided
    ending = decided.status.phase.value if decided.status.phase is not None else "ended"
    message = f"{ending}; recorded once run {refusal.name} exists, which the API server refuses: {refusal.message}"
    status = view.run.status.model_copy(update={"message": cut(message, LONGEST_MESSAGE)})
    return RunDecisions(status, wake_at=refusal.retry_at, before=decided.before)


def end_seen_before(view: RunView, seen: RunDecisions, now: datetime) -> RunDecisions:
    """The end that was decided when it was seen, to be recorded now."""
    status = seen.status.recorded_anew(view.recorded_when(now))
    return until_it_is_followed_up(view, replace(seen, status=status), now)
