"""``verify``, and what ``check --replay`` needs: what a bundle says, and whether it may be believed."""

from pathlib import Path
from typing import Any

import click

from ultra_checklist.cli.boundary import go_on, language, remark, speak
from ultra_checklist.cli.wiring import spoken
from ultra_checklist.desk import Desk
from ultra_checklist.errors import UsageError
from ultra_checklist.model import Lang, Status, Words
from ultra_checklist.template_files import find_template

UNKNOWN = 3
_VERIFIED = Words(en="verified: intact, signed by {keyid}", ja="検証済み: 改変なし、署名者 {keyid}")
_INTACT = Words(
    en="intact, signed by {keyid}, signer unknown", ja="改変なし、鍵 {keyid} による署名、署名者は未確認"
)
_UNSIGNED = Words(en="intact, not signed, signer unknown", ja="改変なし、署名なし、作成者は未確認")
_NEXT_KEY = Words(
    en="--key PUB with the public key of the machine that closed the release",
    ja="リリースを終了したマシンの公開鍵を --key PUB で指定してください",
)
_NEXT_HEAD = Words(
    en="--head with the journal's head as the release's page shows it; to sign the next ones: "
    "ULTRA_CHECKLIST_SIGNING_KEY",
    ja="リリースページのジャーナル先頭ダイジェストを --head で指定してください。次回から署名するには: "
    "ULTRA_CHECKLIST_SIGNING_KEY",
)
_FACTS = (
    ("release", Words(en="release", ja="リリース")),
    ("ending", Words(en="ending", ja="終了")),
    ("commit", Words(en="commit", ja="コミット")),
    ("operators", Words(en="operators", ja="担当者")),
    ("made_of", Words(en="made of", ja="内訳")),
    ("journal", Words(en="journal", ja="ジャーナル")),
    ("witness", Words(en="witness", ja="照合")),
    ("absent", Words(en="only named", ja="名前のみ")),
    ("claim", Words(en="claim", ja="意味")),
)
_CLAIM = Words(
    en="detects changes by anybody without the key; not whether its owner told the truth",
    ja="鍵を持たない人による改変を検出します。鍵の持ち主が真実を記録したかは分かりません",
)
_CLAIM_UNSIGNED = Words(
    en="detects damage and careless changes; not a bundle that was made anew as a whole",
    ja="破損や不注意な変更を検出します。全体が作り直された場合は検出できません",
)
_LINES = Words(en="{n} lines, sealed {time}, head {head}", ja="{n} 行、封印 {time}、先頭 {head}")
_WITNESS = Words(
    en="the digest given is line {n} ({kind}, {time})", ja="指定のダイジェストは {n} 行目（{kind}、{time}）"
)
_ABSENT = Words(
    en="{n} (too large, or gone from the evidence store): {names}",
    ja="{n} 件（大きすぎるか、証跡ストアにありません）: {names}",
)
_JUDGED = Words(en="judged again as recorded by {key}, {time}", ja="{key}（{time}）の記録を再判定しました")
_OTHER_CHECKLIST = Words(
    en="{path} is of the checklist {theirs}, the template is {ours}",
    ja="{path} のチェックリストは {theirs} ですが、テンプレートは {ours} です",
)
_NAME_TEMPLATE = Words(
    en="Name the template that the release was made from, as it is now",
    ja="リリースの作成に使ったテンプレート（現在のもの）を指定してください",
)


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help="Public key of the signer: PEM, or ssh-ed25519.")
@click.option("--head", default="", metavar="DIGEST", help="The journal's head as a page or message shows it.")
@spoken
def verify(bundle: Path, key: Path | None, head: str, lang: str | None) -> int:
    """Look whether a release's bundle is what it was; offline, from the file alone.

    Exit code 0: intact and signed by --key; 1: altered, damaged, or not by that key; 3: intact, signer unknown.

    \b
    Examples:
      ultra-checklist verify bundle.tar --key release.pub
      ultra-checklist verify bundle.tar --head 5f0c2a...
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.keys import load_public
    from ultra_checklist.verify import verify as look

    speak(lang)
    words = language()
    found = look(bundle, load_public(key) if key is not None else None, head.strip().lower())
    heading = _VERIFIED if found.signer_known else _INTACT if found.keyid else _UNSIGNED
    click.echo(heading.say(words, keyid=found.keyid))
    told = _facts(found, words)
    for code, label in _FACTS:
        if told[code]:
            click.echo(f"  {label.say(words)}: {printable(told[code])}")
    if found.signer_known:
        return 0
    go_on(_NEXT_KEY if found.keyid else _NEXT_HEAD)
    return UNKNOWN


def printable(text: str) -> str:
    """Text of a file that anybody may have made, without what steers a terminal or turns its direction."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _facts(found: Any, lang: Lang) -> dict[str, str]:
    from ultra_checklist.notion.schema import ENDING_WORDS, STATUS_WORDS

    said = found.predicate
    ending = ENDING_WORDS.get(said.ending) or STATUS_WORDS[Status(said.ending.value)]
    absent = [one.name for one in said.artefacts if not one.included]
    names = ", ".join(absent[:3]) + (" …" if len(absent) > 3 else "")
    witness, ended = found.head, said.ended[:16]
    return {
        "release": said.release.key + ("  LOCAL" if said.release.local else ""),
        "ending": ending.say(lang) + (f" – {said.reason}" if said.reason else ""),
        "commit": said.release.commit,
        "operators": ", ".join(person.name or person.id for person in said.operators),
        "made_of": said.made_of,
        "journal": _LINES.say(lang, n=str(said.journal.lines), time=ended, head=said.journal.head),
        "witness": ""
        if witness is None
        else _WITNESS.say(lang, n=str(witness.seq), kind=witness.kind, time=f"{witness.time:%Y-%m-%dT%H:%M}"),
        "absent": _ABSENT.say(lang, n=str(len(absent)), names=names) if absent else "",
        "claim": (_CLAIM if found.keyid else _CLAIM_UNSIGNED).say(lang),
    }


def judge_again(
    at: Desk,
    path: Path,
    name: str | None,
    environment: str | None,
    flags: tuple[str, ...],
    files: tuple[Path, ...],
    items: tuple[str, ...],
) -> Any:
    """The checklist of a template, or the bundle's own, judged by what a bundle has recorded.

    Variables are those given now, then those of then, then the template's defaults; this machine's are not asked.
    """
    from ultra_checklist.looking import require_items
    from ultra_checklist.replay import replay
    from ultra_checklist.template import load
    from ultra_checklist.verify import verify as look

    bundle = look(path)
    manifest = bundle.manifest
    checklist = manifest.template
    if name is not None:
        checklist = load(find_template(name, at.settings, environment or manifest.environment))
    if checklist.name != manifest.template.name:
        both = {"theirs": repr(manifest.template.name), "ours": repr(checklist.name)}
        raise UsageError(_OTHER_CHECKLIST.filled(path=str(path), **both), remedy=_NAME_TEMPLATE)
    require_items(checklist, items)
    variables = _variables(at, checklist, manifest, flags, files)
    remark(_JUDGED.filled(key=manifest.key, time=bundle.predicate.ended[:16]))
    return replay(bundle, checklist, variables, items)


def _variables(at: Desk, checklist: Any, manifest: Any, flags: tuple[str, ...], files: tuple[Path, ...]) -> Any:
    from ultra_checklist.origins import resolve
    from ultra_checklist.variables import DEFAULT, Value, Variables

    where = manifest.environment
    given = resolve(checklist, flags=flags, files=files, home=at.home, environment=where, built_in={}).values
    asked = {name: value for name, value in given.items() if value.origin.startswith("--var")}
    then = {name: value for name, value in manifest.variables.values.items() if value.origin != DEFAULT}
    told = {name: Value(value=value.value, origin="bundle") for name, value in then.items()}
    declared = {v.name: v.default for v in checklist.variables if v.default is not None}
    defaults = {name: Value(value=default, origin=DEFAULT) for name, default in declared.items()}
    return Variables(values=defaults | told | asked)
