"""What is wrong with the arguments, in our words: click knows English alone."""

from collections.abc import Callable, Mapping

import click

from ultra_checklist.words import NOTHING, Words, joined

_NO_OPTION = Words(en="there is no option {name}", ja="オプション {name} はありません")
_NEAR = Words(en=" (did you mean {near}?)", ja="（{near} のことですか）")
_MISSING = Words(en="{name} is missing", ja="{name} の指定がありません")
_NO_VALUE = Words(en="{name} needs a value", ja="{name} には値が必要です")
_TAKES_NONE = Words(en="{name} takes no value", ja="{name} に値は指定できません")
_EXTRA = Words(en="there is more than is wanted: {text}", ja="余分な引数があります: {text}")
_INVALID = Words(en="{name}: {why}", ja="{name}: {why}")
_CHOOSE = Words(en="{value} is not one of {known}", ja="{value} は使えません（{known} のいずれか）")
_RANGE = Words(en="{value} is not within {range}", ja="{value} は範囲外です（{range}）")
_WHOLE = Words(en="{value} is no whole number", ja="{value} は整数ではありません")
_NUMBER = Words(en="{value} is no number", ja="{value} は数値ではありません")


def told(error: click.ClickException) -> Words:
    """What is wrong. What is not foreseen stays as click says it."""
    for kind, words in _KINDS.items():
        if isinstance(error, kind):
            return words(error)
    return _plainly(error)


def _no_option(error: click.NoSuchOption) -> Words:
    near = _NEAR.filled(near=", ".join(sorted(error.possibilities))) if error.possibilities else NOTHING
    return joined((_NO_OPTION.filled(name=error.option_name), near))


def _missing(error: click.MissingParameter) -> Words:
    return _MISSING.filled(name=_name(error))


def _option_usage(error: click.BadOptionUsage) -> Words:
    needs = "requires an argument" in error.message
    return (_NO_VALUE if needs else _TAKES_NONE).filled(name=error.option_name)


def _invalid(error: click.BadParameter) -> Words:
    kind = error.param.type if error.param is not None else None
    value, _, _ = error.message.partition(" is not ")
    why = Words.same(error.message.removesuffix("."))
    if isinstance(kind, click.Choice):
        why = _CHOOSE.filled(value=value, known=", ".join(map(repr, kind.choices)))
    elif "in the range" in error.message:
        why = _RANGE.filled(value=value, range=error.message.rpartition(" range ")[2].removesuffix("."))
    elif isinstance(kind, click.types.IntParamType):
        why = _WHOLE.filled(value=value)
    elif isinstance(kind, click.types.FloatParamType):
        why = _NUMBER.filled(value=value)
    return _INVALID.filled(name=_name(error), why=why)


def _plainly(error: click.ClickException) -> Words:
    extra = error.message.partition("unexpected extra argument")[2]
    if extra:
        return _EXTRA.filled(text=extra.partition("(")[2].removesuffix(")"))
    return Words.same(error.format_message().removesuffix("."))


def _name(error: click.BadParameter) -> str:
    hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param and error.ctx else "")
    return (hint if isinstance(hint, str) else " / ".join(hint or ())).replace("'", "")


_KINDS: Mapping[type[click.ClickException], Callable[..., Words]] = {
    click.NoSuchOption: _no_option,
    click.MissingParameter: _missing,
    click.BadOptionUsage: _option_usage,
    click.BadParameter: _invalid,
}
"""The most special kinds first: a missing parameter is a bad one to click."""
