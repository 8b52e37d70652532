"""Takes secrets out of what a server answered, in whatever way it wrote them."""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from crontask.runner.result import DEEPEST, NotJsonError

_STARS = "***"
# Written as they are by every way of escaping.
_NEVER_ESCAPED = re.compile(r"[A-Za-z0-9._-]")
# \ud83d\ude00, or four bytes as %F0: no character gets longer by any escaping.
_LONGEST_CHARACTER = 12
# Shorter ones have so little left in the middle of somebody's base64 that it would be found everywhere.
_SHORTEST_WITHIN_BASE64 = 6


class Redactor:
    """Knows the secrets in all their forms: as they are, JSON-, URL- and HTML-escaped, and in base64."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = sorted({form for secret in secrets for form in _forms(secret)}, key=lambda form: (-len(form), form))
        self._longest = _LONGEST_CHARACTER * len(forms[0]) if forms else 0
        self._pattern = re.compile("|".join(_however_escaped(form) for form in forms)) if forms else None

    def clean(self, text: str, *, cut_short: bool = False) -> str:
        """The text without secrets. `cut_short`: its end is missing, and may be within a secret, so the tail goes."""
        if self._pattern is None:
            return text
        keep = max(0, len(text) - self._longest) if cut_short else len(text)
        parts: list[str] = []
        at = 0
        for match in self._pattern.finditer(text):
            if match.start() >= keep:
                break
            parts += (text[at : match.start()], _STARS)
            at = match.end()
        return "".join((*parts, text[at : max(at, keep)]))

    def load_json(self, text: str) -> Any:
        """The JSON of a text, without secrets. Raises ValueError if it is none, NotJsonError if it cannot be kept."""
        # Before the text is cleaned, not after: stars in place of a number, or of a quote, would be no JSON.
        value = json.loads(text, parse_int=self._integer, parse_float=self._number, parse_constant=_refuse)
        clean = self._clean_json(value, 0)
        written = json.dumps(clean, ensure_ascii=False, separators=(",", ":"))
        # A secret that holds quotes and commas may be spread over several values.
        return clean if self.clean(written) == written else _STARS

    def _clean_json(self, value: Any, depth: int) -> Any:
        if depth > DEEPEST:
            raise NotJsonError(f"nested deeper than {DEEPEST} levels")
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, list):
            return [self._clean_json(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {self.clean(key): self._clean_json(item, depth + 1) for key, item in value.items()}
        return value

    def _integer(self, digits: str) -> int | float | str:
        # Beyond 64 bits a number is a float to most that read JSON, and to the operator.
        return self._number(digits) if len(digits) > 18 and not -(2**63) <= int(digits) < 2**64 else self._kept(digits)

    def _kept(self, digits: str) -> int | str:
        return _STARS if self._pattern is not None and self._pattern.search(digits) else int(digits)

    def _number(self, digits: str) -> float | str:
        if self._pattern is not None and self._pattern.search(digits):
            return _STARS
        number = float(digits)
        if number in (float("inf"), float("-inf")):
            raise ValueError(f"{digits[:20]} is too large a number")
        return number


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not valid JSON")


def _forms(secret: str) -> Iterator[str]:
    for value in filter(None, {secret, secret.strip(), *_parts(secret)}):
        raw = value.encode("utf-8", "surrogateescape")
        yield value
        # What was sent as UTF-8, and taken for Latin-1; and what is no UTF-8, and was read as such.
        yield raw.decode("latin-1")
        yield raw.decode("utf-8", "replace")
        yield from _in_base64(raw)


def _parts(secret: str) -> Iterator[str]:
    """What is a secret within one: the x of `Bearer x`, and the password of `Basic x`."""
    scheme, _, credential = secret.strip().partition(" ")
    credential = credential.strip()
    yield credential
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(credential, validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            return
        yield pair
        yield pair.partition(":")[2]


def _in_base64(raw: bytes) -> Iterator[str]:
    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        yield text
        yield text.rstrip("=")
    if len(raw) < _SHORTEST_WITHIN_BASE64:
        return
    # Within something longer, such as `user:secret`, it starts at one of three offsets in a group of four characters,
    # and shares the first and the last ones with its neighbours.
    for before, shared in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(raw)) % 3 == 0
        padded = bytes(before) + raw
        for text in (base64.b64encode(padded).decode(), base64.urlsafe_b64encode(padded).decode()):
            bare = text.rstrip("=")
            yield bare[shared:] if whole else bare[shared:-1]


def _however_escaped(form: str) -> str:
    return "".join(_character(character) for character in form)


def _character(character: str) -> str:
    if _NEVER_ESCAPED.match(character):
        return re.escape(character)
    percent = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
    point = ord(character)
    units = character.encode("utf-16-be", "surrogatepass")
    escape = "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    ways = {
        character,
        percent,
        percent.lower(),
        json.dumps(character)[1:-1],
        escape,
        # Only the digits: \U would be another escape.
        escape.upper().replace("\\U", "\\u"),
        f"\\x{point:02x}",
        f"\\{character}",
        html.escape(character),
        f"&#{point};",
        f"&#x{point:x};",
        f"&#x{point:X};",
    }
    if character == " ":
        ways.add("+")
    return f"(?:{'|'.join(re.escape(way) for way in sorted(ways, key=lambda way: (-len(way), way)))})"
