"""Sphinx configuration; ``./run docs`` builds with warnings as errors."""

from gateway import __version__

project = "Fenqi"
author = "The Fenqi authors"
copyright = "2026, The Fenqi authors"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Fenqi"
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
nitpicky = False
