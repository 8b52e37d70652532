"""The site of the documentation: docs/*.md as pages of HTML that need nothing from elsewhere.

`make docs` builds it (`__main__`): `source` collects the pages, `conf` is Sphinx's configuration, `charts` shows what the
pages draw, `sections` makes the navigation of the front page.
"""
