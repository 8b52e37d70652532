"""Our own HTML as data."""

import pytest

from crontask.dashboard.nodes import nodes_of


def test_a_fragment() -> None:
    html = '<p class="a">x &lt;b&gt; <b>y</b></p>\n<svg viewBox="0 0 1 1"><use href="#i"/></svg><input name="n" hidden>'
    assert nodes_of(html) == [
        ["p", {"class": "a"}, ["x <b> ", ["b", {}, ["y"]]]],
        ["svg", {"viewBox": "0 0 1 1"}, [["use", {"href": "#i"}, []]]],
        ["input", {"name": "n", "hidden": ""}, []],
    ]


@pytest.mark.parametrize("html", ["<p>", "<p></b></p>", "</p>", "<ul><li></ul>"])
def test_what_is_not_well_formed_is_ours_to_mend(html: str) -> None:
    with pytest.raises(ValueError, match="the fragment"):
        nodes_of(html)
