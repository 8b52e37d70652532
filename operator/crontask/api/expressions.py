"""The expressions in the template of a URL (RFC 6570), and braces that are none. Callers: url_template, logs_url."""

import re

EXPRESSION = re.compile(r"\{([^{}]*)\}")


def stray_brace(template: str) -> tuple[str, str] | None:
    """What is said of a brace outside every expression, and what to write instead."""
    left = EXPRESSION.sub("", template)
    if "{" in left:
        return "has a { that is not closed", "close it, or write %7B for the character itself"
    if "}" in left:
        return "has a } that closes nothing", "remove it, or write %7D for the character itself"
    return None
