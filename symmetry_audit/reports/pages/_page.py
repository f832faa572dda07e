"""A page as HTML text: one template for all commands, style and script inside, no request to anywhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from symmetry_audit.reports.pages._blocks import Page, Screen

__all__ = ["made_page", "page_html"]

PLACE = "symmetry_audit.reports.pages"
POLICY = (
    "default-src 'none'; img-src data:; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
)


def made_page(title: str, about: str, screens: tuple[Screen, ...]) -> str:
    """The page of these screens, with the version of symaudit."""
    return page_html(Page(title, about, version("symaudit"), screens))


def page_html(page: Page) -> str:
    """The page as HTML; the same bytes for the same page. Every name in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader(PLACE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    style, script = _text("page.css"), _text("page.js")
    policy = POLICY.format(style=_digest(style), script=_digest(script))
    html = environment.get_template("page.html").render(
        page=page, policy=Markup(policy), style=Markup(style), script=Markup(script)
    )
    return html.lstrip() + "\n"


@cache
def _text(name: str) -> str:
    return (files(PLACE) / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """By which a browser runs this script, and no other that might have come into the page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
