"""Where the files of templates lie."""

from pathlib import Path

from ultra_checklist import config
from ultra_checklist.errors import UsageError
from ultra_checklist.words import Words, joined


def find_template(name: str | None, settings: config.Settings, environment: str) -> Path:
    """The file of a template: a path, or a name in the templates' folders. Raises UsageError."""
    wanted = name or f"{environment.lower()}_release"
    given = Path(wanted)
    if given.is_file():
        return given.absolute()
    for folder in folders(settings):
        for file in (folder / wanted, folder / f"{wanted}.md"):
            if file.is_file():
                return file.absolute()
    known = template_names(settings)
    listed = joined(known, ", ") if known else _NONE_FOUND
    raise UsageError(_NO_TEMPLATE.filled(name=repr(wanted)), remedy=_NAME_TEMPLATE.filled(known=listed))


def template_names(settings: config.Settings) -> list[str]:
    """Names of the templates that are found without a path."""
    return sorted({file.stem for folder in folders(settings) for file in folder.glob("*.md")})


def folders(settings: config.Settings) -> list[Path]:
    """Where templates are looked for, one's own first."""
    return [folder for folder in (settings.templates, *shipped()) if folder is not None]


def shipped() -> list[Path]:
    """Where the templates of this product lie: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    return [folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir()]


_NO_TEMPLATE = Words(en="there is no template {name}", ja="テンプレート {name} がありません")
_NAME_TEMPLATE = Words(
    en="Name a file, or one of: {known} (-t)", ja="-t でファイルか次の名前を指定してください: {known}"
)
_NONE_FOUND = Words(en="none found", ja="見つかりません")
