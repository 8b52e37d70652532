"""How terminals are coloured: what is typed follows `$ `, all else is what a program prints.

Pygments' own takes a comment in printed YAML for the prompt of root.
"""

import re
from collections.abc import Iterator
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers.shell import BashLexer
from pygments.token import Generic, _TokenType
from sphinx.application import Sphinx

# What is typed goes on in the next line behind a backslash, and up to the end of a here-document.
_TYPED = re.compile(r"^\$ ((?:.*\\\n)*(?:.*<<-?\s*'?(\w+)'?.*\n(?:.*\n)*?\2(?:\n|$)|.*(?:\n|$)))", re.MULTILINE)


class Console(Lexer):
    """Of blocks that are `console`."""

    name = "Console of a page"
    aliases = ("console",)

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """See Lexer."""
        bash: Any = BashLexer()
        shown = 0
        for typed in _TYPED.finditer(text):
            if shown < typed.start():
                yield shown, Generic.Output, text[shown : typed.start()]
            yield typed.start(), Generic.Prompt, "$ "
            for index, token, value in bash.get_tokens_unprocessed(typed[1]):
                yield typed.start(1) + index, token, value
            shown = typed.end()
        if shown < len(text):
            yield shown, Generic.Output, text[shown:]


def setup(app: Sphinx) -> dict[str, bool]:
    """As an extension of Sphinx."""
    app.add_lexer("console", Console)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
