"""Which numbers and texts a manifest may have."""

WHOLE = range(-(2**63), 2**63)
"""The whole numbers that the API server keeps as they are: 64 bits with a sign. Others it rounds in silence."""
NO_WHOLE = (f"is a number that does not fit in 64 bits with a sign, at most {WHOLE[-1]}", "write it in quotes")
"""What is said of one that is not among them, and what to write instead."""
NO_TEXT = ("has half of a surrogate pair, which is no text", "write whole characters")
"""What is said of a text that is none, and what to write instead."""


def is_text(value: str) -> bool:
    """Whether it can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def visible(value: str) -> str:
    """The text as it can be shown, also of one that is none."""
    return value.encode("utf-8", "backslashreplace").decode()
