"""How Sphinx makes the documentation site of the pages in this folder: `make docs`."""

import os
import re
import sys
from pathlib import Path

import latex2mathml.converter
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_site"))

from commands import write_commands  # noqa: E402
from python import write_api  # noqa: E402

from examples import write_examples  # noqa: E402
from hamiltone import __version__  # noqa: E402

project = "Hamiltone"
author = "The Hamiltone developers"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_site/*", "made/notebooks/*", "evidence/*/*", "weights/*"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # trees of folders in blocks that name no language
highlight_language = "console"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "Hamiltone"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

html_math_renderer = "mathml"

_LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s:]+)\)")


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    """Links to files that are no pages: to where the repository is published, if that is known, and names otherwise."""
    published = os.environ.get("HAMILTONE_REPOSITORY", "").rstrip("/")

    def link(match: re.Match[str]) -> str:
        path = Path(os.path.normpath((HERE / page).parent / match[2]))
        if path.suffix in (".png", ".svg") or not path.exists() or _page(app, path):
            return match[0]
        within = path.relative_to(HERE.parent).as_posix()
        if published:
            return f"[{match[1]}]({published}/{within})"
        return f"`{within}`" if match[1].strip("`") in (within, path.name) else f"{match[1]} (`{within}`)"

    source[0] = _LINK.sub(link, source[0])


def _page(app: Sphinx, path: Path) -> bool:
    return path.suffix == ".md" and app.env.path2doc(path) in app.env.found_docs


def _inline(writer: HTML5Translator, node: nodes.math) -> None:
    writer.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def _display(writer: HTML5Translator, node: nodes.math_block) -> None:
    writer.body.append(f"<div>{latex2mathml.converter.convert(node.astext(), display='block')}</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Make the pages that the code tells, mend links, and write formulas that need no script and no network."""
    made = HERE / "made"
    write_commands(made / "commands.md")
    write_api(made)
    write_examples(HERE.parent / "examples" / "tour", made)
    app.connect("source-read", _read)
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
