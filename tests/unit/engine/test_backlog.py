"""Whose turn it is among the keys that wait to be decided."""

from crontask.engine.backlog import Backlog
from crontask.engine.keys import run_key, task_key
from crontask.ports import ObjectKey


def all_changed(backlog: Backlog) -> list[ObjectKey]:
    return [backlog.next_changed() for _ in range(backlog.changed)]


def test_a_key_waits_once_and_is_known_until_it_is_removed() -> None:
    backlog, key = Backlog(), run_key("jobs", "a")
    assert [backlog.add_changed(key), backlog.add_changed(key)] == [True, False]
    assert all_changed(backlog) == [key]
    # Its turn has come, and it still counts as waiting: whoever passes it over puts it back.
    assert not backlog.add_changed(key)
    assert [backlog.remove(key), backlog.remove(key)] == [True, False]
    assert backlog.add_changed(key)


def test_what_waits_and_becomes_due_has_its_turn_with_the_due() -> None:
    backlog, key = Backlog(), task_key("jobs", "a")
    backlog.add_changed(key)
    backlog.add_due(key)
    assert (backlog.due, backlog.next_due(), backlog.due) == (1, key, 0)
    assert backlog.remove(key)
    # Its other place is passed over.
    assert all_changed(backlog) == [key]
    assert not backlog.remove(key)


def test_a_task_comes_after_its_run_and_no_task_waits_for_ever() -> None:
    backlog = Backlog()
    tasks, runs = ([make("jobs", f"{n}") for n in range(20)] for make in (task_key, run_key))
    for task, run in zip(tasks, runs, strict=True):
        backlog.add_changed(task)
        backlog.add_changed(run)
    order = all_changed(backlog)
    assert sorted(order, key=str) == sorted((*tasks, *runs), key=str)
    assert all(order.index(run) < order.index(task) for task, run in zip(tasks, runs, strict=True))
    # Every fourth turn is a task's while both wait.
    assert [order.index(task) for task in tasks[:5]] == [3, 7, 11, 15, 19]


def test_tasks_alone_have_every_turn() -> None:
    backlog = Backlog()
    tasks = [task_key("jobs", f"{n}") for n in range(5)]
    for task in tasks:
        backlog.add_changed(task)
    assert all_changed(backlog) == tasks


def test_composite_runs_and_others_have_turns_alike_and_may_be_taken_alone() -> None:
    backlog = Backlog()
    tasks, runs, parts = ([make("jobs", f"{n}-{make.__name__}{kind}") for n in range(4)] for make, kind in _KINDS)
    for task, run, part in zip(tasks, runs, parts, strict=True):
        backlog.add_changed(task)
        backlog.add_changed(run)
        assert backlog.add_changed(part, of_composite=True)
        assert not backlog.add_changed(part, of_composite=True)
    assert (backlog.changed, backlog.of_composites) == (12, 4)
    assert backlog.next_of_composites() == parts[0]
    assert [backlog.next_changed() for _ in range(4)] == [parts[1], runs[0], parts[2], tasks[0]]
    assert sorted(all_changed(backlog), key=str) == sorted((*runs[1:], parts[3], *tasks[1:]), key=str)


_KINDS = ((task_key, ""), (run_key, ""), (run_key, "-part"))
