"""The account of a release as one HTML file: no script, no network, printable, light and dark."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ultra_checklist.account import Account, Standing, took
from ultra_checklist.escape import css, shorten, visible
from ultra_checklist.reports import picture
from ultra_checklist.reports.words import MARKS, Phrases

if TYPE_CHECKING:
    from jinja2 import Environment

_LONGEST = 600
"""Characters shown of one text; JSON has all of it."""
_ORDER: tuple[Standing, ...] = (
    "passed", "confirmed", "waived", "not-applicable", "not-open", "waiting", "blocked", "open", "cannot-tell",
    "failed",
)  # fmt: skip


def write(account: Account) -> str:
    """A whole document. All text goes through one door: made visible, cut, escaped."""
    say = Phrases(account)
    ticks, verdicts = picture.counts(account.events)
    runs = len(account.runs) + len(say.lonely_deploys())
    texts = {check.standing: check.result_text for check in account.checks}
    return _environment().get_template("release.html").render(
        account=account,
        say=say,
        t=say.label,
        took=took,
        marks=MARKS,
        bar=[(code, account.counts[code], texts[code]) for code in _ORDER if account.counts.get(code)],
        picture=picture.draw(account),
        width=picture.WIDTH,
        described=say.label("picture", ticks=ticks, verdicts=verdicts, runs=runs),
    )  # fmt: skip


@cache
def _environment() -> "Environment":
    from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound

    class Files(BaseLoader):
        """The files beside this one, in a checkout as in a wheel."""

        def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Any]:  # noqa: ARG002 - Jinja's signature
            found = files(__package__ or "") / template
            if not found.is_file():
                raise TemplateNotFound(template)
            return found.read_text(encoding="utf-8"), template, None

    made = Environment(
        loader=Files(),
        autoescape=True,
        finalize=_final,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["css"] = _css
    return made


def _final(value: object) -> object:
    """What every expression of the template passes through before it is escaped."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return shorten(visible(value), _LONGEST)
    return value


def _css(text: str) -> object:
    from markupsafe import Markup

    return Markup(css(shorten(text, _LONGEST)))  # noqa: S704 - css() leaves letters, digits and escapes only
