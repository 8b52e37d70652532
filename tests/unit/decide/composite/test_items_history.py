"""Whatever happens to a fan-out, and whenever it is recorded: its totals are those of its items, each counted once."""

from typing import Any

from fan_out_story import BADLY, WELL, Story, index_of
from hypothesis import event, given, settings
from hypothesis import strategies as st

from crontask.api.phases import RunPhase
from crontask.decide.composite.letters import decoded
from crontask.decide.decisions import CancelPart, CreatePart, RunDecisions

_STORIES = st.builds(
    Story,
    st.integers(0, 7),
    st.integers(1, 4),
    st.sampled_from(("Continue", "Stop", "FailFast")),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
)
_DOINGS = ("work", "work", "end", "end", "see", "see", "remove", "kill", "cancel")


@settings(max_examples=300)
@given(_STORIES, st.data())
def test_the_totals_are_those_of_the_items(story: Story, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 40), "doings")):
        if story.run.ended:
            break
        _do(story, data, data.draw(st.sampled_from(_DOINGS)))
    # From now on all goes well.
    for _ in range(5 * story.total + 10):
        if story.run.ended:
            break
        for name, run in list(story.there.items()):
            if not run.ended:
                story.end(name, "C" if run.cancel_requested else "S", 1)
            story.see(name)
        _work(story, story.decide(), len(story.there) + 10)
    _check_the_end(story)


def _do(story: Story, data: st.DataObject, doing: str) -> None:
    """One thing happens, if it can."""
    if doing == "work":
        # After so many of the things that are to be done it is killed, or one of them goes wrong.
        if _work(story, story.decide(), data.draw(st.integers(0, 12))) and data.draw(st.booleans()):
            story.kill()
    elif doing == "kill":
        story.kill()
    elif doing == "cancel":
        if data.draw(st.integers(0, 3)) == 0:
            story.ask_to_cancel()
    elif story.there:
        name = data.draw(st.sampled_from(sorted(story.there)))
        if doing == "see":
            story.see(name)
        elif doing == "end" and not story.there[name].ended:
            # How it goes that collects is in the rows of test_collect.py.
            ways = WELL + WELL + BADLY if index_of(story.there[name]) is not None else "S"
            story.end(name, data.draw(st.sampled_from(ways)), data.draw(st.integers(0, 9)))
        elif doing == "remove" and index_of(story.there[name]) is not None:
            story.remove(name)


def _work(story: Story, decided: RunDecisions, most: int) -> bool:
    """What is decided is checked, and done as the engine does it, up to so many things. Whether some are left."""
    _check(story, decided)
    # After what is made ahead of the status, all is decided anew.
    doings: list[Any] = list(decided.before) or [decided, *decided.actions]
    for doing in doings[:most]:
        if isinstance(doing, RunDecisions):
            story.write(doing)
            # Named, and not made yet.
            story.unmade |= {action.name for action in decided.actions if isinstance(action, CreatePart)}
        elif isinstance(doing, CreatePart):
            story.create(doing)
        elif isinstance(doing, CancelPart):
            story.cancel(doing)
    return most < len(doings)


def _check(story: Story, decided: RunDecisions) -> None:
    """What holds of every decision."""
    creations = [each for each in (*decided.before, *decided.actions) if isinstance(each, CreatePart)]
    starting = [each.asked.item.index for each in creations if each.asked.item is not None]
    known = [story.seen_letter(index) for index in range(story.total)]
    # Nothing that is there, or has ended, starts; what starts does so in order, and leaves none out.
    assert [known[index] for index in starting] == ["-"] * len(starting)
    assert starting == sorted(starting)
    waiting = [index for index, letter in enumerate(known) if letter == "-"]
    assert starting == waiting[: len(starting)]
    # So many at a time.
    assert not starting or known.count("R") + len(starting) <= story.parallelism
    failed = sum(map(known.count, BADLY))
    stopped = story.run.cancel_requested or (story.policy != "Continue" and failed > story.most)
    assert not starting or not stopped
    if not starting and waiting and not stopped and known.count("R") < story.parallelism:
        assert story.status.halt is not None
    # What collects comes when all have ended, and not after a cancel.
    if len(creations) > len(starting):
        assert not starting
        assert story.collects
        assert "R" not in known
        assert not story.run.cancel_requested
    canceled = [each.run for each in decided.actions if isinstance(each, CancelPart)]
    assert not any(run.ended or run.cancel_requested for run in canceled)
    assert not canceled or story.run.cancel_requested or story.policy == "FailFast"
    # Of what has ended, nothing changes.
    assert decided.status.composite is not None
    assert decided.status.composite.items is not None
    letters = decoded(decided.status.composite.items.ends, story.total)
    for before, after in zip(story.recorded_letters, letters, strict=True):
        assert before in "-R" or after == before


def _check_the_end(story: Story) -> None:
    status, items = story.status, story.status.items
    assert story.run.ended
    assert items is not None
    letters = decoded(items.ends, story.total)
    assert letters == "".join(truth.letter for truth in story.truth).replace("-", "N")
    assert (items.total, items.pending, items.running) == (story.total, 0, 0)
    assert (items.succeeded, items.failed, items.canceled) == (
        story.number(WELL),
        story.number("FT"),
        story.number("C"),
    )
    assert (status.processed_count or 0) == sum(truth.counted for truth in story.truth)
    assert (items.not_reached or 0) == letters.count("N")
    ended = items.succeeded + items.failed + items.canceled + (items.not_reached or 0)
    assert items.pending + items.running + ended == items.total
    assert [item.index for item in items.failed_items] == [
        index for index, truth in enumerate(story.truth) if truth.letter in BADLY
    ]
    # In order, those that were removed before the status named them and are begun anew left out.
    first = list(dict.fromkeys(story.order))
    assert first == sorted(first)
    assert not story.once or first == story.order
    failed = story.number(BADLY)
    if story.run.cancel_requested and status.phase is RunPhase.CANCELED:
        event("canceled")
        return
    assert "N" not in letters or story.policy != "Continue"
    partly = failed > 0 or story.number("P") > 0
    wanted = RunPhase.FAILED if failed > story.most else RunPhase.PARTIAL if partly else RunPhase.SUCCEEDED
    assert status.phase is wanted
    event(wanted.value)
    totals = {"total": story.total, "succeeded": story.number(WELL), "failed": failed}
    if not story.collects:
        assert status.result == (totals if wanted is not RunPhase.FAILED else None)
        return
    results = [truth.result if truth.letter in WELL else None for truth in story.truth]
    assert [{name: args[name] for name in (*totals, "results")} for args in story.collected] == [
        {**totals, "results": results}
    ]
