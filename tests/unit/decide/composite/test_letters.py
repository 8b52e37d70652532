"""How items are, in letters: run-length coded, and read again whatever stands there."""

import pytest
from composite_views import part
from hypothesis import given
from hypothesis import strategies as st
from item_rows import made

from crontask.api.composite import MOST_ITEMS
from crontask.api.composite_status import ItemsStatus
from crontask.api.phases import RunPhase
from crontask.decide.composite.letters import coded, decoded, letter_of

ALL = "-RSPFTCNU"
LETTERS = st.text(ALL, max_size=MOST_ITEMS)
# Long groups as well, which no text of single letters would have.
GROUPED = st.lists(st.tuples(st.sampled_from(ALL), st.integers(1, 300)), max_size=40).map(
    lambda groups: "".join(letter * times for letter, times in groups)[:MOST_ITEMS]
)


@given(LETTERS | GROUPED)
def test_what_is_coded_is_read_again(letters: str) -> None:
    text = coded(letters)
    assert decoded(text, len(letters)) == letters
    assert len(text) <= len(letters)
    # There is one way to write it: the status does not change while the items do not.
    assert coded(decoded(text, len(letters))) == text


@given(st.text(ALL, min_size=MOST_ITEMS, max_size=MOST_ITEMS))
def test_the_letters_of_a_thousand_items_fit_into_the_status(letters: str) -> None:
    assert ItemsStatus(total=MOST_ITEMS, ends=coded(letters)).ends == coded(letters)


@given(st.text(max_size=1024) | st.text(f"{ALL}0123456789?x", max_size=1024), st.integers(0, MOST_ITEMS))
def test_any_text_is_read_as_so_many_letters(text: str, total: int) -> None:
    letters = decoded(text, total)
    assert len(letters) == total
    assert set(letters) <= set(ALL)


@given(GROUPED, GROUPED, st.sampled_from(["?", "x", " ", "\n", "5", "s", "é"]))
def test_what_stands_before_something_that_cannot_be_read_counts_and_nothing_after_it(
    before: str, after: str, bad: str
) -> None:
    # Each count has four digits, so that one more belongs to none.
    text, total = "".join(f"{letter}0001" for letter in before), len(before) + len(after)
    assert decoded(f"{text}{bad}{coded(after)}", total) == before.ljust(total, "-")


@pytest.mark.parametrize(
    ("text", "total", "letters"),
    [
        ("", 0, ""),
        ("", 2, "--"),
        ("S3F2-", 6, "SSSFF-"),
        ("S10R", 11, "SSSSSSSSSSR"),
        ("S1000", 1000, "S" * 1000),
        ("S0F", 2, "F-"),
        ("S9999", 3, "SSS"),
        ("S99999F", 3, "SSS"),
        ("S2x5F2", 6, "SS----"),
        ("3S", 2, "--"),
        ("SZF", 3, "S--"),
        ("SSSFF", 5, "SSSFF"),
    ],
)
def test_reading(text: str, total: int, letters: str) -> None:
    assert decoded(text, total) == letters


@pytest.mark.parametrize("letter", "RSPFTCN")
def test_how_an_item_goes_is_how_its_run_goes(letter: str) -> None:
    ((_, run),) = made(letter)
    assert letter_of(run) == letter


@pytest.mark.parametrize(
    ("phase", "letter"),
    [
        *((phase, "R") for phase in (None, RunPhase.PENDING, RunPhase.QUEUED, RunPhase.RETRYING, RunPhase.CANCELING)),
        # Whatever else it ended with: it did not do what it was to do.
        *((RunPhase.SKIPPED, "F"), (RunPhase.MISSED, "F")),
    ],
)
def test_other_phases(phase: RunPhase | None, letter: str) -> None:
    _, run = part("0", phase)
    assert letter_of(run) == letter
