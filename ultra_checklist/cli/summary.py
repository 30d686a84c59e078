"""How the demo's release stands at the end, as a table for eyes and for pipes."""

import sys
from datetime import datetime
from typing import Any

from ultra_checklist.model import Lang, Words

_HEADINGS = (
    Words.same("#"),
    Words(en="Check", ja="項目"),
    Words(en="Result", ja="結果"),
    Words(en="Operator", ja="担当者"),
    Words(en="Time", ja="時刻"),
    Words(en="Why", ja="理由"),
)


def _clock(time: str) -> str:
    """A time of Notion's as people here read it."""
    return datetime.fromisoformat(time).astimezone().strftime("%H:%M") if time else "-"


def summary(rows: Any, page: Any, lang: Lang) -> None:
    """The table of all checks, for eyes and for pipes."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    wide = None if sys.stdout.isatty() else 1000
    console = Console(file=sys.stdout, width=wide, highlight=False)
    table = Table(box=None, pad_edge=False)
    for words in _HEADINGS:
        table.add_column(words.say(lang), overflow="fold")
    for number, row in enumerate(rows, 1):
        told = row.result or "-"
        table.add_row(
            *(
                escape(t)
                for t in (str(number), row.title, told, row.operator or "-", row.checked_at or "-", row.why)
            )
        )
    console.print(table)
    facts = (
        (Words(en="Status", ja="状態"), page.status),
        (Words(en="Commit", ja="コミット"), page.commit),
        (Words(en="Made of", ja="内訳"), page.made_of),
        (Words(en="Page", ja="ページ"), page.url),
    )
    for words, value in facts:
        console.print(f"{words.say(lang)}: {escape(value)}", soft_wrap=True)
