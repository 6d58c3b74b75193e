# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of Sphinx for the site that build.py makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx

_ROOT = Path(__file__).resolve().parents[2]
_GALAXY = yaml.safe_load((_ROOT / "galaxy.yml").read_text(encoding="utf-8"))

project = "imageshare.aws"
author = "Contributors to the imageshare.aws project"
copyright = author
version = release = _GALAXY["version"]

# The second brings what pages of plugins consist of.
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 3
# Any link that leads nowhere is a warning, and a warning is an error.
nitpicky = True
default_role = "any"

# Not sphinx-ansible-theme: it knows no dark, and is about docs.ansible.com.
html_theme = "furo"
html_title = f"imageshare.aws {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_theme_options = {
    "source_repository": f"{_GALAXY['repository']}/",
    "source_branch": "main",
    "source_directory": "docs/",
    "top_of_page_buttons": [],
}
# The colours of options are in site.css, where they follow the theme.
antsibull_ext_color_scheme = "none"
# As a reader copies them: without an ellipsis, a dash or a curly quote in place of what was written.
smartquotes = False

_ANSIBLE = "https://docs.ansible.com/ansible/latest"
# What pages of plugins refer to outside of this site. Sphinx would fetch an index of it each time.
_OUTSIDE = {
    "ansible_collections.ansible.builtin.": f"{_ANSIBLE}/collections/ansible/builtin/",
    "ansible_collections.amazon.aws.": f"{_ANSIBLE}/collections/amazon/aws/",
    "ansible_collections.community.aws.": f"{_ANSIBLE}/collections/community/aws/",
}


def _resolve(_app: Sphinx, _env: Any, node: nodes.Element, text: nodes.Element) -> nodes.Element | None:
    """Lead a reference to what Ansible documents to its page there."""
    target = node["reftarget"]
    if node["reftype"] == "envvar":
        # Options of this collection name them, and nothing else describes them.
        return text
    if target == "common_return_values":
        address = f"{_ANSIBLE}/reference_appendices/common_return_values.html"
        return nodes.reference("", "", text, refuri=address, internal=False)
    for beginning, address in _OUTSIDE.items():
        if target.startswith(beginning):
            page, _option, anchor = target.removeprefix(beginning).partition("__")
            end = f"#{anchor}" if anchor else ""
            return nodes.reference("", "", text, refuri=f"{address}{page}.html{end}", internal=False)
    return None


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", _resolve)
