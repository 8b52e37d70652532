"""Texts that look like keys and passwords, in code that everybody would see who may read ConfigMaps."""

import re

_FORMS = (
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    ("an AWS access key", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a token of GitHub", r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
    ("a token of GitLab", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a token of Slack", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a webhook of Slack", r"hooks\.slack\.com/services/T[A-Za-z0-9]+/B[A-Za-z0-9]+/[A-Za-z0-9]{16,}"),
    ("a key of Stripe", r"\b[rs]k_(live|test)_[A-Za-z0-9]{16,}"),
    ("a key of Google", r"\bAIza[A-Za-z0-9_-]{35}\b"),
    ("a key of SendGrid", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("a key of an API", r"\bsk-[A-Za-z0-9_-]{20,}"),
    ("a token of PyPI", r"\bpypi-[A-Za-z0-9_-]{50,}"),
    ("a token of npm", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),
    ("a URL with a password", r"\b[a-z][a-z0-9+.-]*://[^\s/@:{}$<>%]*:[^\s/@{}$<>%]+@"),
    ("an Authorization header", r"^(Bearer|Basic) [A-Za-z0-9+/=_.-]{16,}$"),
)
_PATTERNS = tuple((what, re.compile(pattern)) for what, pattern in _FORMS)
_NAMES = re.compile(
    r"(^|[_.-])(password|passwd|passphrase|secret|secret_?key|api_?key|access_?key|private_?key|auth_?token"
    r"|access_?token|token|credentials?)$",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z]+([ _./-][A-Za-z]+)*")
_SHORTEST = 8


def what_it_looks_like(text: str) -> str | None:
    """What kind of secret a text looks like, None for any other."""
    return next((what for what, pattern in _PATTERNS if pattern.search(text)), None)


def is_secret_by_name(name: str, text: str) -> bool:
    """Whether a text is one by its name, as `password`; but not where it is itself a name, of a variable or a file."""
    if not _NAMES.search(name) or len(text) < _SHORTEST or " " in text:
        return False
    return not _NAME.fullmatch(text)
