"""Files that hold anything: what is read of them, as kubectl reads it, and what is refused with its line."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.api.written import as_yaml
from crontask.cli.document import DEEPEST, Document
from crontask.cli.reading import read_documents
from crontask.cli.yaml_reader import MOST_CHARACTERS, UnfitError, resolve


def read(tmp_path: Path, content: bytes | str) -> tuple[list[Document], list[str]]:
    """The documents of a file with that content, and its problems as `line: message; fix`."""
    file = tmp_path / "manifest.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    documents, problems = read_documents(str(file))
    within = [located for document in documents for located in document.problems]
    return documents, [f"{located.line}: {located.problem}" for located in (*within, *problems)]


# As kubectl 1.35 reads them: `kubectl label --local -f FILE -o json x=y` shows it.
SCALARS: dict[str, Any] = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "on", "On", "y", "Y"), True),
    **dict.fromkeys(("false", "no", "off", "OFF", "n", "N"), False),
    **dict.fromkeys(("", "~", "null", "Null"), None),
    **{text: text for text in ("2026-02-30", "2026-02-28T24:00:00Z", "2026-03-29 01:00:00", "12:30", "12:30:45")},
    **{text: text for text in ("yEs", "tRue", "nULL", "1.2.3", "1e", "-", "+", ".", "0b12", "0x", "_1", "1e999")},
    **{
        "0": 0,
        "7": 7,
        "-7": -7,
        "+7": 7,
        "1_000": 1000,
        "010": 8,
        "08": 8,
        "0o17": 15,
        "0x1F": 31,
        "0b11": 3,
        "-0x1F": -31,
    },
    **{"5.0": 5, "1e3": 1000, "1.5": 1.5, ".5": 0.5, "-.5": -0.5, "5.": 5, "1e22": 1e22, "-0.0": 0},
    **{str(2**63 - 1): 2**63 - 1, str(-(2**63)): -(2**63), hex(2**63 - 1): 2**63 - 1, hex(2**63): hex(2**63)},
    # A hash or an address of hexadecimal digits.
    "0x52908400098527886E0F7030069857D2E4169EE7": "0x52908400098527886E0F7030069857D2E4169EE7",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_a_plain_scalar_is_what_it_is_to_kubectl(text: str, value: Any) -> None:
    found = resolve(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", str(2**63), str(-(2**63) - 1), "9" * 5000, "-" + "9" * 30])
def test_a_number_that_json_cannot_have_is_refused(text: str) -> None:
    with pytest.raises(UnfitError):
        resolve(text)


LAUGHS = "a0: &a0 [" + ", ".join(["x"] * 9) + "]\n"
LAUGHS += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
DEEP_BY_ALIASES = "a0: &a0 " + "[" * 150 + "]" * 150 + "\n"
DEEP_BY_ALIASES += "a1: " + "[" * 60 + "*a0" + "]" * 60 + "\n"
UNQUOTED = "this is not valid YAML: within brackets, what is written like ${…} has to be in quotes; write"
TOO_DEEP = f"is nested more than {DEEPEST} levels deep; write a flatter value, or hand it over as a string"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: 1\na: 2\n", "2: a: is there twice, at lines 1 and 2; remove one of the two"),
        ("on: 1\n'true': 2\n", "2: true: is there twice, at lines 1 and 2; remove one of the two"),
        ('{"a": {"b": 1, "b": 2}}', "1: a.b: is there twice, at lines 1 and 1; remove one of the two"),
        ("a:\n- b: .inf\n", "2: a[0].b: .inf is not a number that JSON has; write a finite number"),
        (
            f"a: {'9' * 5000}",
            "1: a: a number of 5000 digits does not fit in 64 bits with a sign; write a smaller one, or a string",
        ),
        ('a: !!int "abc"', "1: a: 'abc' cannot have the tag !!int; remove the tag, or correct the value"),
        ("a: !mine b", "1: a: the tag !mine is not known here; remove the tag, and write the value itself"),
        ("a: !!binary aGk=", "1: a: the tag !!binary is not known here; remove the tag, and write the value itself"),
        ("a: !!python/object:os.system x", "1: a: the tag !!python/object:os.system is not known here"),
        ("a: !!set {b}", "1: a: an object cannot have the tag !!set; remove the tag"),
        ("? [a]\n: b", "1: a list cannot be a key; write a string"),
        ("{{ .Values.name }}: b", "1: an object cannot be a key; write a string; text like {{ … }} in quotes"),
        ("~: b", "1: a key is null, or no scalar; write a string, in quotes if need be"),
        ("a: *b", "1: the alias *b stands for nothing: no value before it is marked &b; mark the value"),
        ("a: &a [*a]", "1: the alias *a stands for nothing"),
        ("a: {<<: 5}", "1: << merges what is not an object; name an object"),
        ("a: " + "[" * 3000, f"1: {TOO_DEEP}"),
        ("- " * 3000 + "a", f"1: {TOO_DEEP}"),
        ('{"a": ' * 3000 + "1" + "}" * 3000, f"1: {TOO_DEEP}"),
        (DEEP_BY_ALIASES, f"2: {TOO_DEEP}"),
        (LAUGHS, f"7: with its aliases written out it is longer than {MOST_CHARACTERS} characters; write it without"),
        ("x" * (MOST_CHARACTERS + 1), f"None: is larger than {MOST_CHARACTERS} bytes; split it into several files"),
        ("a: é".encode("latin-1"), "1: is not UTF-8: it has the byte 0xe9, as Latin-1 and other encodings have; save"),
        ("a: 1\n".encode("utf-16"), "None: is UTF-16, not UTF-8; save it as UTF-8"),
        ("a: 1\n".encode("utf-32"), "None: is UTF-32, not UTF-8; save it as UTF-8"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "None: is not text: it has NUL bytes, as binary files and UTF-16 have; save it"),
        ("a: 1\nb: \x07", "2: the character U+0007 is not allowed in YAML; remove it, or write it as an escape"),
        ("a: [", "2: this is not valid YAML: a list or an object in brackets is not closed"),
        ("a: 'x", "1: this is not valid YAML: a quote is not closed; close it"),
        ("a:\n\tb: 1", "2: this is not valid YAML: a tab cannot indent a line; write spaces"),
        ("a: @daily", '1: this is not valid YAML: a value cannot begin with @; write a: "@daily"'),
        ("a: * * * * * # x", '1: this is not valid YAML: a value cannot begin with * or &; write a: "* * * * *"'),
        ("a:\n- */5 * * * *", '2: this is not valid YAML: a value cannot begin with * or &; write - "*/5 * * * *"'),
        ("a: b: c", '1: this is not valid YAML: a colon cannot stand there; write a: "b: c"'),
        ("a: {b: ${args.c}}", f'1: {UNQUOTED} a: {{b: "${{args.c}}"}}'),
        ("a:\n- [${x}, 1, ${y[0]}] # z\nb: ${c}", f'2: {UNQUOTED} - ["${{x}}", 1, "${{y[0]}}"] # z'),
        ("a: {b: ${x}, c: [\n  ${y}]}", f'1: {UNQUOTED} a: {{b: "${{x}}", c: ['),
        ("a: [b,\n  ${y}]\nc: {d: ${e}}", f'2: {UNQUOTED} "${{y}}"]'),
        ("""a: {b: ${x["y z"]}}""", f"1: {UNQUOTED} a: {{b: '${{x[\"y z\"]}}'}}"),
        ('{"a": ${x}}', f'1: {UNQUOTED} {{"a": "${{x}}"}}'),
        ("a: {b: ${x}, c: " + "d" * 200 + "}", f'1: {UNQUOTED} "${{x}}"'),
        # It is something else that is wrong.
        ("a: {b: 'x ${y}', c d: [}", "1: this is not valid YAML: a list or an object in brackets is not closed"),
        ("a: {b: ${x}, c: [}", "1: this is not valid YAML: a list or an object in brackets is not closed"),
        ("a: 1\n b: 2", "2: this is not valid YAML: a colon cannot stand there; write the value in quotes, or correct"),
        ("- a\nb: c", "2: this is not valid YAML: the line does not fit to those above it"),
        ("a\nb: c", "2: this is not valid YAML: a colon cannot stand there"),
        ('a: "\\q"', "1: this is not valid YAML: a backslash in double quotes has another meaning; write two of them"),
        ("a: |x\n  y", "1: this is not valid YAML: it cannot be read as YAML from there on; correct the line"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path, content: bytes | str, told: str) -> None:
    problems = read(tmp_path, content)[1]
    assert len(problems) == 1
    assert problems[0].startswith(told)


def test_all_that_is_wrong_in_a_document_is_told_at_once(tmp_path: Path) -> None:
    assert len(read(tmp_path, "a: .inf\nb: 1\nb: 2\nc: !x 1\n---\nd: .nan\n")[1]) == 4


def test_the_documents_before_an_error_are_read_but_no_part_of_one(tmp_path: Path) -> None:
    documents, problems = read(tmp_path, "a: 1\n---\nb: 2\n---\nc: 3\n d: 4\n")
    assert [(document.value, document.number, document.line) for document in documents] == [
        ({"a": 1}, 1, 1),
        ({"b": 2}, 2, 3),
    ]
    assert [problem.partition(":")[0] for problem in problems] == ["6"]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"\xef\xbb\xbfa: 1", [{"a": 1}]),
        ("", []),
        ("---\n---\n# nothing\n", []),
        ("a: 1\r\nb: |\r\n  x\r\n", [{"a": 1, "b": "x\n"}]),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", [{"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}]),
        ("a: {<<: [{b: 1}, {b: 2, c: 3}]}", [{"a": {"b": 1, "c": 3}}]),
        ("on: 1\n12: b\n1.5: c\n'no': d\n", [{"true": 1, "12": "b", "1.5": "c", "no": "d"}]),
        ("a: !!str 5\nb: !!float 5\nc: !!int '7'\nd: ! x", [{"a": "5", "b": 5, "c": 7, "d": "x"}]),
        # JSON as programs write it: escapes of two halves, tabs, several objects one after the other.
        ('{"a": "\\ud83d\\ude00\\/"}', [{"a": "😀/"}]),
        ('{"a": "\\\\ud83d"}', [{"a": "\\ud83d"}]),
        ('{\n\t"a": [\n\t\t1]}', [{"a": [1]}]),
        ('{"a": 1}\n{"b": 2}{"c": 3}', [{"a": 1}, {"b": 2}, {"c": 3}]),
        ("{a: 1}", [{"a": 1}]),
    ],
)
def test_what_can_be_read(tmp_path: Path, content: bytes | str, values: list[Any]) -> None:
    documents, problems = read(tmp_path, content)
    assert [document.value for document in documents] == values
    assert problems == []


@pytest.mark.parametrize(
    ("path", "written", "line"),
    [
        ("spec.after.true", "spec.after.on", 3),
        ("spec.after.on", "spec.after.on", 3),
        ("spec.after", "spec.after", 2),
        ("spec.list[1].a.b", "spec.list[1].a.b", 6),
        ("spec.list[1].a.b.c", "spec.list[1].a.b.c", 7),
        ("spec.list[7]", "spec.list[7]", 4),
        ("spec.handler.container", "spec.handler.container", 1),
        ("elsewhere", "elsewhere", 1),
    ],
)
def test_a_path_is_shown_as_it_is_written_with_its_line(tmp_path: Path, path: str, written: str, line: int) -> None:
    text = "spec:\n  after:\n    on: failed\n  list:\n  - x\n  - a.b:\n      c: 1\n"
    (document,) = read(tmp_path, text)[0]
    assert document.locate(path) == (written, line)


def test_the_line_of_json_further_down(tmp_path: Path) -> None:
    documents, problems = read(tmp_path, '{"a": 1}\n\n{"b":\n {"c": 2, "c": 3}}\n{"d":\n x: y}')
    assert [document.value for document in documents] == [{"a": 1}, {"b": {"c": 2}}]
    assert documents[1].locate("b.c") == ("b.c", 4)
    assert problems[0].startswith("4: b.c: is there twice, at lines 4 and 4")
    assert problems[1].startswith("6: this is not valid YAML")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\ufffe\uffff")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcy.-~ ", max_size=9), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_what_a_message_writes_as_yaml_is_read_as_the_value(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    file = tmp_path_factory.mktemp("written") / "value.yaml"
    file.write_text(f"value: {as_yaml(value)}\n", encoding="utf-8")
    documents, problems = read_documents(str(file))
    assert problems == []
    assert [document.value for document in documents] == [{"value": value}]


@given(st.binary(max_size=200) | st.text("abon: -[]{}&*!|>'\"#%@,\n\t<~.019é", max_size=60))
def test_no_bytes_whatsoever_bring_it_down(tmp_path_factory: pytest.TempPathFactory, content: bytes | str) -> None:
    file = tmp_path_factory.mktemp("any") / "any.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    documents, problems = read_documents(str(file))
    for located in (*problems, *(problem for document in documents for problem in document.problems)):
        assert located.problem.message
        assert located.problem.fix


def test_a_stdin_that_is_closed_is_told() -> None:
    command = [sys.executable, "-m", "crontask.cli.main", "validate", "-f", "-"]
    done = subprocess.run(
        f"{' '.join(command)} <&-", shell=True, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "stdin: there is no stdin to read from; write -f FILE\n"
