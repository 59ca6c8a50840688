"""What all HTML pages share: templates, our scripts and styles, and the policy that names them."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup


def page_template(name: str) -> Template:
    """A template of this package; text in it is escaped, and an unknown name is an error."""
    environment = Environment(
        loader=PackageLoader("ontarget.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def read_asset(name: str) -> Markup:
    """A script or stylesheet of this package."""
    return Markup((files("ontarget.report") / "templates" / name).read_text(encoding="utf-8"))


def content_security_policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A policy that allows these scripts and styles, no network access and no markup from text."""
    return (
        f"default-src 'none'; script-src {' '.join(map(inline_hash, scripts))}; "
        f"style-src {' '.join(map(inline_hash, styles))}; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def inline_hash(text: str) -> str:
    """The policy's name of an inline script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
