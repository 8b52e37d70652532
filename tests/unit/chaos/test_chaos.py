"""A world out of order: fixed seeds and fresh ones, and faults that the simulator must find. `make chaos` has more."""

import os
import subprocess
import sys
from pathlib import Path
from random import SystemRandom

import pytest
from chaos.batch_bugs import BATCH_BUGS
from chaos.bugs import BUGS
from chaos.fan_out_bugs import FAN_OUT_BUGS
from chaos.play import play
from chaos.rerun_bugs import RERUN_BUGS
from chaos.workflow_bugs import WORKFLOW_BUGS

ROOT = Path(__file__).resolve().parents[3]
FIXED, FRESH, AT_ONCE = 120, 40, 10
# Where to look first for each fault: mostly of the fixed seeds.
FOUND_BY = {
    "watermark_before_run": 0,
    "taken_for_ours": 65,
    "any_object_deleted": 10,
    "no_sweep": 14,
    "number_used_again": 3,
    "end_before_follow_up": 0,
    "no_gate": 5,
    "stopped_by_deleting": 0,
    "stopped_before_recorded": 75,
    "stopped_when_asked": 2,
    "stopped_is_failed": 0,
    "kubelet_trusted": 2,
    "refused_moves_the_watermark": 0,
    "refused_gives_up_its_slot": 53,
    "pause_forgets": 13,
    "edit_forgets": 13,
    "end_left_out_of_record": 0,
    "unknown_taken_for_known": 45,
    "late_is_not_looked_at": 27,
    "undone_in_forward_order": 2,
    "goes_on_after_a_failure": 1,
    "plan_read_anew": 1,
    "gone_made_again": 5,
    "follows_before_approval_is_recorded": 2,
    "answers_read_anew": 2,
    "next_before_the_end_is_recorded": 1,
    "batch_counted_twice": 1,
    "cursor_of_the_last_count": 34,
    "gone_batch_made_again": 124,
    "failed_batch_passed_over": 1,
    "done_before_a_kill_is_forgotten": 16,
    "done_again_from_the_start": 16,
    "cursor_skips": 16,
    "failed_part_counted_for_more": 16,
    "item_counted_twice": 1,
    "gone_item_made_again": 36,
    "one_too_many": 1,
    "undone_is_reused": 134,
    "done_again_with_its_key": 14,
    "run_again_by_two": 6,
}


def _play_all(seeds: range) -> None:
    wrong = [outcome for outcome in map(play, seeds) if outcome.wrong]
    assert not wrong, "\n\n".join(map(str, wrong[:2]))


@pytest.mark.parametrize("first", range(0, FIXED, AT_ONCE))
def test_nothing_is_lost_or_doubled(first: int) -> None:
    _play_all(range(first, first + AT_ONCE))


def test_nothing_is_lost_or_doubled_in_worlds_that_nobody_has_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """What it shows comes again with `make chaos SEED=…`."""
    first = SystemRandom().randrange(10**9)
    with capsys.disabled():
        print(f"\nfresh seeds {first} to {first + FRESH - 1}", flush=True)
    _play_all(range(first, first + FRESH))


@pytest.mark.parametrize("name", [*BUGS, *WORKFLOW_BUGS, *BATCH_BUGS, *FAN_OUT_BUGS, *RERUN_BUGS])
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    {**BUGS, **WORKFLOW_BUGS, **BATCH_BUGS, **FAN_OUT_BUGS, **RERUN_BUGS}[name](monkeypatch)
    first = (FOUND_BY[name],) if name in FOUND_BY else ()
    assert any(play(seed).wrong for seed in (*first, *range(FIXED)))


def test_a_seed_replays_exactly() -> None:
    """Also in another process, whose strings have other hashes."""
    code = "from chaos.play import play; outcome = play(7); print(*outcome.trace, sep='\\n')"
    traces = []
    for hashes in ("1", "2"):
        path = f"{ROOT / 'operator'}:{ROOT / 'tests' / 'support'}"
        environment = {**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        traces.append(done.stdout)
    assert traces[0] == traces[1]
    assert traces[0].splitlines() == list(play(7).trace)
