"""The releases as a person reads them at a glance: where each stands, what is open and whose it is, what is next.

Lines of the terminal from the plain data of ``overview``, as wide as the terminal is: wide characters count twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ultra_checklist.cli.columns import cells, fit, fold
from ultra_checklist.escape import terminal
from ultra_checklist.model import Lang, Words
from ultra_checklist.why import say

if TYPE_CHECKING:
    from rich.text import Text

Data = Mapping[str, Any]
MOST = 4000
"""Characters of one text that are shown."""
NARROW = 40
"""Columns below which lines are no longer made to fit."""
SHORTEST = 6
"""Columns below which a check's text tells nothing."""
_MARKS: Mapping[str, tuple[str, str]] = {
    "passed": ("✔", "green"),
    "confirmed": ("☑", "blue"),
    "cannot-tell": ("?", "yellow"),
    "waiting": ("~", "bright_black"),
    "blocked": ("=", "bright_black"),
    "waived": ("w", "magenta"),
    "not-applicable": ("-", "magenta"),
    "failed": ("✘", "red"),
}
"""The sign and the colour of each result: proved is green, a person's word blue, what cannot be told amber."""
_NOT_OPEN, _OPEN = ("-", "bright_black"), ("·", "")
_GROUPS: Mapping[str, Words] = {
    "machine": Words(en="The machine", ja="マシン"),
    "operator": Words(en="{by}", ja="{by}"),
    "second-person": Words(en="A second person", ja="二人目の承認者"),
    "time": Words(en="Time", ja="時間待ち"),
    "elsewhere": Words(en="Another machine's worker", ja="別のマシンのワーカー"),
    "nobody": Words(en="To tick", ja="未チェック"),
    "later": Words(en="Later", ja="後で"),
}
_BRIEF = ("nobody", "later")
"""Groups whose checks need one line each: nothing has been found of them yet."""
_WORDS = {
    "why": Words(en="why", ja="理由"),
    "next": Words(en="next", ja="次に"),
    "Next": Words(en="Next", ja="次にすること"),
    "optional": Words(en="optional", ja="任意"),
    "rollback": Words(en="Rollback", ja="ロールバック"),
    "failed": Words(en="failed", ja="不合格"),
    "last_good": Words(en="last good commit", ja="直前の正常コミット"),
    "unknown": Words(en="not known", ja="不明"),
    "back": Words(en="roll back", ja="実行"),
    "by_hand": Words(en="by hand: no item keeps a record of it", ja="手動（記録する項目がありません）"),
    "close": Words(en="then close", ja="その後の終了"),
}


def lines(view: Data, width: int, *, everything: bool = False) -> list["Text"]:
    """One release. With ``everything`` all checks are listed, else those that are open by whose turn it is."""
    lang: Lang = "ja" if view["lang"] == "ja" else "en"
    found = [*_head(view, width), *_sections(view, width)]
    if everything:
        found += [_line(""), *_all(view, width)]
    else:
        for head, checks in _grouped(view, lang):
            found += [_line(""), *_group(head, checks, width, lang)]
    if view["rollback"]:
        found += [_line(""), *_card(view, width, lang)]
    shown = bool(view["rollback"]) and view["rollback"]["command"] == view["next_command"]
    return [*found, _line(""), *last(view, width, command=not shown)]


def last(view: Data, width: int, *, command: bool = True) -> list["Text"]:
    """What to do next, with the command to copy."""
    lang: Lang = "ja" if view["lang"] == "ja" else "en"
    said = _folded(f"{_say('Next', lang)}: ", view["next"], width, style="bold")
    return [*said, *_command(view["next_command"] if command else "")]


def _say(code: str, lang: Lang) -> str:
    return _WORDS[code].say(lang)


def _head(view: Data, width: int) -> Iterator["Text"]:
    from rich.text import Text

    said = [view["environment"], view["status"], view["host"], view["commit"][:12]]
    yield Text.assemble(
        (terminal(view["release"]), "bold"),
        "  ",
        "  ".join(terminal(part) for part in said if part),
        overflow="fold",
    )
    if view["url"]:
        yield _line(terminal(view["url"], MOST), "bright_black")
    for note in view["notes"]:
        yield from _folded("! ", note, width, style="yellow")
    yield from _folded("", view["made_of"], width)
    yield _line("")


def _sections(view: Data, width: int) -> Iterator["Text"]:
    """A line each: number and title, how many are settled, and the sign of every check."""
    from rich.text import Text

    counts = [f"{section['settled']}/{section['total']}" for section in view["sections"]]
    most = max((section["total"] for section in view["sections"]), default=0)
    marks = min(most, max(width - NARROW, 10))
    titles = [terminal(f"{section['number']} {section['title']}", 200) for section in view["sections"]]
    digits = max(map(len, counts), default=0)
    room = min(max(map(cells, titles), default=0), max(width - marks - digits - 4, 10))
    for section, title, count in zip(view["sections"], titles, counts, strict=True):
        done = section["settled"] == section["total"]
        text = Text(fit(title, room), style="" if done else "bold")
        text.append(f"  {count:>{digits}}  ", style="green" if done else "")
        own = [check for check in view["checks"] if check["section"] == section["id"]]
        for check in own[:marks]:
            text.append(*_mark(check))
        if len(own) > marks:
            text.append("…")
        yield text


def _mark(check: Data) -> tuple[str, str]:
    if check["result"] is not None:
        return _MARKS[check["result"]]
    return _NOT_OPEN if check["settled"] else _OPEN


def _grouped(view: Data, lang: Lang) -> Iterator[tuple[str, list[Data]]]:
    """What is open, by whose turn it is; where nothing has been found yet, by what comes first too."""
    for hand, words in _GROUPS.items():
        parts: dict[tuple[str, str], list[Data]] = {}
        for check in view["checks"]:
            if check["hand"] == hand:
                by = (check["operator"] or check["whose"]) if hand == "operator" else ""
                parts.setdefault((by, check["next"] if hand in _BRIEF else ""), []).append(check)
        yield from ((words.say(lang, by=by), checks) for (by, _), checks in parts.items())


def _group(head: str, checks: Sequence[Data], width: int, lang: Lang) -> Iterator["Text"]:
    """The checks that wait for one hand; what is so of all of them is said once."""
    brief = checks[0]["hand"] in _BRIEF
    whys = [_why(check, lang) for check in checks]
    why, todo = _shared(whys, brief), _shared([check["next"] for check in checks], brief)
    told = f"{terminal(head, 100)} ({len(checks)})"
    yield from _folded(f"{told}: " if todo else told, todo, width, style="bold")
    if not brief:
        yield from _folded(f"      {_say('why', lang)}: ", why, width, empty=False)
    if checks[0]["hand"] == "later" and not any(check["ticked"] for check in checks):
        # Their time has not come: their names are enough.
        names = ", ".join(f"{check['number']} {check['id']}" for check in checks)
        yield from _folded("    ", names, width)
        return
    for check, own in zip(checks, whys, strict=True):
        yield from _title(check, width, lang)
        if not brief and not why:
            yield from _folded(f"      {_say('why', lang)}: ", own, width, empty=False)
        if not brief and not todo:
            yield from _folded(f"      {_say('next', lang)}: ", check["next"], width, empty=False)


def _shared(texts: Sequence[str], brief: bool) -> str:
    """What is said of all of them; empty where they differ, or there is one of which more is said."""
    return texts[0] if len(set(texts)) == 1 and (brief or len(texts) > 1) else ""


def _why(check: Data, lang: Lang) -> str:
    """Why it is open, without the remedy that is told as what comes next."""
    remedy = say("remedy", lang, text=check["next"])
    return str(check["why"]).replace(f", {remedy}", "").replace(f"、{remedy}", "")


def _title(check: Data, width: int, lang: Lang) -> Iterator["Text"]:
    """Number, id, text and result on one line: the text is what is cut."""
    from rich.text import Text

    sign, style = _mark(check)
    aside = [check["result_text"]] if check["result"] else []
    if check["hand"] in ("machine", "time", "later") and check["operator"]:
        aside.append(f"({terminal(check['operator'], 40)})")
    if not check["required"]:
        aside.append(f"[{_say('optional', lang)}]")
    end = f"  {' '.join(aside)}" if aside else ""
    text = Text(f"  {sign} ", style=style)
    text.append(f"{check['number']} {terminal(check['id'])}", style="bold")
    room = width - text.cell_len - cells(end) - 2
    if room >= SHORTEST:
        text.append("  " + fit(terminal(check["title"], MOST), room, pad=False))
    text.append(end, style=style)
    yield text


def _all(view: Data, width: int) -> Iterator["Text"]:
    """Every check with its result and Why."""
    from rich.text import Text

    numbers = max((len(check["number"]) for check in view["checks"]), default=0)
    results = max((cells(check["result_text"]) for check in view["checks"]), default=0)
    for check in view["checks"]:
        sign, style = _mark(check)
        text = Text(f"{sign} {check['number']:<{numbers}} ")
        text.stylize(style)
        text.append(fit(check["result_text"], results) + "  ", style=style)
        said = terminal(check["title"], MOST) + (f" – {terminal(check['why'], MOST)}" if check["why"] else "")
        first, *rest = fold(said, width - text.cell_len) or [""]
        indent = " " * text.cell_len
        yield text.append(first)
        yield from (_line(indent + line) for line in rest)


def _card(view: Data, width: int, lang: Lang) -> Iterator["Text"]:
    """What failed after the deploy, where a rollback leads, how it is run, how it is ended."""
    card, checks = view["rollback"], {check["id"]: check for check in view["checks"]}
    yield _line(_say("rollback", lang), "bold red")
    for item in card["failed"]:
        check = checks[item]
        said = f"{check['number']} {item}  {check['title']}"
        yield from _folded(f"  {_say('failed', lang)}: ", said, width, style="red")
    good = card["commit"][:12] or _say("unknown", lang)
    good += f" ({card['version']})" if card["version"] else ""
    yield from _folded(f"  {_say('last_good', lang)}: ", good, width)
    yield _line(f"  {_say('back', lang)}:" + ("" if card["command"] else " " + _say("by_hand", lang)))
    yield from _command(card["command"])
    yield _line(f"  {_say('close', lang)}:")
    yield from _command(card["close"])


def _command(command: str) -> Iterator["Text"]:
    """A line to copy: never broken."""
    if command:
        yield _line(f"    {terminal(command, MOST)}", "cyan")


def _folded(label: str, text: str, width: int, *, style: str = "", empty: bool = True) -> Iterator["Text"]:
    """A label and its text in as many lines as that needs; nothing for no text, unless it may be ``empty``."""
    if not text and not empty:
        return
    inner = label.lstrip()
    indent = len(label) - len(inner) + 2 * bool(inner)
    for number, piece in enumerate(fold(label + terminal(text, MOST), width, indent) or [label]):
        line = _line(piece if number == 0 else " " * indent + piece, style)
        if number == 0 and not style:
            line.stylize("bright_black", 0, len(label))
        yield line


def _line(text: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(text, style=style)
