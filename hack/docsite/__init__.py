"""The site of the documentation: docs/*.md as pages of HTML that need nothing from elsewhere.

`make docs` builds it (`__main__`): `source` collects the pages, `navigation` is made of the front page, `conf` is
Sphinx's configuration; `charts`, `console`, `examples` and `reachable` are extensions of it: what the pages draw, how
terminals are coloured, examples of commands as code, and what people without a mouse need.
"""
