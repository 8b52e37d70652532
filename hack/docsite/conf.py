"""Sphinx's configuration: Markdown as GitHub has it, furo, and nothing that is loaded from elsewhere."""

from crontask.version import __version__

project = "crontask"
author = "crontask"
release = version = __version__
project_copyright = "crontask, Apache-2.0"

extensions = [
    "myst_parser",
    "sphinx_click",
    "sphinx.ext.autodoc",
    "docsite.charts",
    "docsite.console",
    "docsite.examples",
    "docsite.reachable",
]
nitpicky = True
# Two dashes are an option.
smartquotes = False

# As GitHub has them, so that a link leads to the same heading in both.
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
# What signatures name of other packages and of the inside: there is no page to lead to.
nitpick_ignore_regex = [(r"py:.*", r".*")]

# Colours that are calm beside the text, in both lights.
_COLOURS = {
    "color-sidebar-link-text--top-level": "var(--color-sidebar-link-text)",
    "color-api-name": "var(--color-foreground-primary)",
    "color-api-pre-name": "var(--color-foreground-secondary)",
    "color-api-overall": "var(--color-foreground-secondary)",
}

html_theme = "furo"
html_title = f"crontask {__version__}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/icon.svg"
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#2b49ba", "color-brand-content": "#2b49ba", **_COLOURS},
    "dark_css_variables": {"color-brand-primary": "#93a8f5", "color-brand-content": "#93a8f5", **_COLOURS},
}
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "default"
pygments_dark_style = "github-dark"
