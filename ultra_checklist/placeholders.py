"""Values that stand for variables which are not set, so that a probe's options can be read all the same.

They are harmless: names of hosts that exist nowhere (RFC 2606), and whatever else has the right shape.
"""

import re
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from ultra_checklist.model import ProbeSpec
from ultra_checklist.variables import Value, Variables

PLACEHOLDER: Final = "placeholder"
"""The origin of a value that stands for one that is not set."""
_URL = re.compile(r"URL|URI|RPC|WEBHOOK|ENDPOINT|HOST")
_HEX: Final = "0123456789abcdef"
_ROUNDS: Final = 50


def fill(spec: ProbeSpec, model: type[BaseModel], variables: Variables) -> tuple[Any, dict[str, str]]:
    """A probe's options with all variables filled in, and what stood for those that are not set.

    Placeholders are harmless: names of hosts that exist nowhere (RFC 2606), and whatever else has the right shape.
    """
    raw = dict(spec.options)
    names = list(variables.fill(raw)[1])
    tried = dict.fromkeys(names, 0)

    def filled() -> Any:
        values = {name: Value(value=_candidates(name)[place], origin=PLACEHOLDER) for name, place in tried.items()}
        return Variables(values=dict(variables.values) | values).fill(raw)[0]

    for _ in range(_ROUNDS):
        try:
            model.model_validate(filled())
            break
        except ValidationError as error:
            wrong = {
                name
                for problem in error.errors(include_url=False)
                for name in _named(raw, problem["loc"], variables)
            }
            left = [name for name in names if name in wrong and tried[name] + 1 < len(_candidates(name))]
            if not left:
                break
            for name in left:
                tried[name] += 1
    return filled(), {name: _candidates(name)[place] for name, place in tried.items()}


def _named(raw: Any, loc: tuple[Any, ...], variables: Variables) -> set[str]:
    """The variables that stand where a problem is; all of them where it is about the options as a whole."""
    found = raw
    for part in loc:
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            # pydantic also names what is not in the data, such as the member of a union.
            continue
    return set(variables.fill(found)[1])


def _candidates(name: str) -> list[str]:
    """Values of many shapes for a variable, the likeliest first."""
    word = "v0.0.0" if name == "VERSION" else name.lower().replace("_", "-")
    url, commit, path = f"https://{word}.invalid", (_HEX * 3)[:40], f"/{word}"
    likely = url if _URL.search(name) else commit if "COMMIT" in name else path if name.endswith("DIR") else word
    others = [
        url, commit, "1", "1000", f"0x{'1' * 40}", (_HEX * 4)[:64], (_HEX * 2)[:32], path, "UTC", "0 3 * * *",
        "placeholder.timer", "true", "0600", "1.0",
    ]  # fmt: skip
    return list(dict.fromkeys([likely, *others]))
