"""What pydantic says about a value, in our words."""

from collections.abc import Mapping
from typing import Any

from ultra_checklist.errors import WrongValue
from ultra_checklist.words import Words

_TEXT = Words(en="it must be text", ja="文字列で指定してください")
_WHOLE = Words(en="it must be a whole number", ja="整数で指定してください")
_NUMBER = Words(en="it must be a number", ja="数値で指定してください")
_YES_NO = Words(en="it must be true or false", ja="true または false で指定してください")
_LIST = Words(en="it must be a list", ja="リストで指定してください")
_MAPPING = Words(en="it must be a mapping", ja="マッピングで指定してください")
_COUNT = Words(en="it must have at least {min_length} entries", ja="{min_length} 件以上必要です")
_KINDS = {
    "missing": Words(en="it is missing", ja="指定がありません"),
    "extra_forbidden": Words(en="there is no such key", ja="そのキーはありません"),
    "string_type": _TEXT,
    "path_type": Words(en="it must be a path", ja="パスで指定してください"),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "greater_than": Words(en="it must be greater than {gt}", ja="{gt} より大きい値を指定してください"),
    "greater_than_equal": Words(en="it must be at least {ge}", ja="{ge} 以上の値を指定してください"),
    "less_than": Words(en="it must be less than {lt}", ja="{lt} より小さい値を指定してください"),
    "less_than_equal": Words(en="it must be at most {le}", ja="{le} 以下の値を指定してください"),
    "literal_error": Words(en="it must be one of {expected}", ja="{expected} のいずれかを指定してください"),
    "string_too_short": Words(
        en="it must have at least {min_length} characters", ja="{min_length} 文字以上で指定してください"
    ),
    "string_pattern_mismatch": Words(en="it must match {pattern}", ja="{pattern} に合う形で指定してください"),
    "too_short": _COUNT,
    "too_long": Words(en="it must have at most {max_length} entries", ja="{max_length} 件以下にしてください"),
}


def complaint(problem: Mapping[str, Any]) -> Words:
    """One of the errors of a ValidationError. What is not foreseen stays as pydantic says it."""
    gaps = dict(problem.get("ctx") or {})
    wrong = gaps.get("error")
    if isinstance(wrong, WrongValue):
        return wrong.words
    found = _KINDS.get(str(problem["type"]))
    if found is None:
        return Words.same(str(problem["msg"]).removeprefix("Value error, "))
    # Alternatives are listed in the language of the sentence.
    told = {name: Words(en=str(v), ja=str(v).replace(" or ", ", ")) for name, v in gaps.items()}
    return found.filled(**told)
