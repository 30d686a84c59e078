"""The probes of what stands still: files, environment, checkout, tools, tests, what is on record.

One function a meaning; the options come from the words of the line. What the words do not give is a variable. A
function that misses what it cannot do without offers nothing.
"""

import re
from typing import Any

from ultra_checklist.case import COMMIT, HERE, Case, Probe, literal, number
from ultra_checklist.shapes import is_secret_name
from ultra_checklist.wording import Wording

VERSION_FILES = ("changelog.md", "changes.md", "package.json", "pyproject.toml", "cargo.toml", "version.txt")


def file_there(case: Case) -> list[Probe]:
    """Files exist, or are gone."""
    gone = case.says(
        r"not exist|存在しない|削除され|removed|deleted|no longer|残っていない|is gone|are gone|absent"
    )
    paths = [path for path in case.words.files if "*" not in path]
    return [("file", _at(case, path) | ({"exists": False} if gone else _filled(path))) for path in paths]


def _at(case: Case, path: str) -> dict[str, Any]:
    return {"path": case.environment_file if path in case.words.environment_files[:1] else literal(path)}


def _filled(path: str) -> dict[str, Any]:
    return {"type": "directory"} if path.endswith("/") else {"min_size": 1}


def file_mode(case: Case) -> list[Probe]:
    """A file's permission bits, and whose it is."""
    mode = case.words.mode
    if not mode and case.says(r"owner|所有者|alone|本人|のみ"):
        mode = "0600"
    paths = [path for path in case.words.files if "*" not in path]
    known = len(case.environment_files) == 1 or Wording(case.where).environment_files
    if not paths and (known or case.says(r"環境ファイル|env(?:ironment)? file")):
        paths = [""]
    if not mode or not paths:
        return []
    owner = re.search(
        r"(?:belongs? to|owned by|owner(?: is|:)?|所有者[はが]?)\s*([a-z_][a-z0-9_-]*)", case.words.said
    )
    options: dict[str, Any] = {"mode": mode}
    if owner is not None and owner[1] not in ("is", "the", "its", "only", "and"):
        options["owner"] = owner[1]
    return [("file", (_at(case, path) if path else {"path": case.environment_file}) | options) for path in paths]


def version_in_file(case: Case) -> list[Probe]:
    """A file that tells versions names the one that is released."""
    files = [path for path in case.words.files if path.rpartition("/")[2].lower() in VERSION_FILES]
    return [
        ("file", {"path": literal(path), "contains": case.default("VERSION_TEXT", "${VERSION}")}) for path in files
    ]


def pairs(case: Case) -> list[Probe]:
    """Keys have their values; of a secret only that it is there."""
    plain = {key: literal(value) for key, value in case.words.pairs if not is_secret_name(key)}
    there = [key for key, _ in case.words.pairs if is_secret_name(key)]
    options = {name: value for name, value in (("equals", plain), ("required", there)) if value}
    return [("dotenv", {"path": case.environment_file} | options)] if options else []


def keys(case: Case) -> list[Probe]:
    """Keys are filled in, or are not there, or are switched off."""
    named = list(case.words.keys)
    if not named:
        return []
    if case.says(r"not set|unset|removed|削除|設定されていない|未設定|存在しない|absent"):
        asked: dict[str, Any] = {"forbidden": named}
    elif case.says(r"\boff\b|disabled|\bfalse\b|無効|オフ"):
        asked = {"match": dict.fromkeys(named, "(?i)(0|false|off|no)")}
    else:
        asked = {"required": named}
    return [("dotenv", {"path": case.environment_file} | asked)]


def keys_of_document(case: Case) -> list[Probe]:
    """All keys that a document lists are filled in."""
    documents = case.words.documents
    source = case.default("CONFIG_DOC", literal(documents[0])) if documents else "${CONFIG_DOC}"
    return [("dotenv", {"path": case.environment_file, "required_in": source})]


def production_urls(case: Case) -> list[Probe]:
    """No address in the environment file is one of a test system."""
    return [("dotenv", {"path": case.environment_file, "urls": {}})]


def nothing_of_staging(case: Case) -> list[Probe]:
    """No value of staging's stands in the environment file."""
    return [("dotenv", {"path": case.environment_file, "fingerprints": "${STAGING_FINGERPRINTS}"})]


def staging_complete(case: Case) -> list[Probe]:
    """The other checklist of this commit is complete; it may have to have been so for a while."""
    options: dict[str, Any] = {"source": "${STAGING_RELEASE}", "commit": COMMIT, "environment": "staging"}
    if case.says(r"stabl|安定|soak"):
        seconds = case.words.seconds
        options["stable_for"] = number(seconds[0]) if seconds else case.default("STAGING_SECONDS", "86400")
    return [("release", options)]


def tests(_case: Case) -> list[Probe]:
    """The tests of this commit have passed."""
    return [("junit", {"path": "${JUNIT_DIR}", "commit": COMMIT})]


def clean(_case: Case) -> list[Probe]:
    """The checkout has no local change."""
    return [("git", {"path": HERE, "clean": True})]


def ref(case: Case) -> list[Probe]:
    """The tag or branch names the commit; signed, or at the remote, where the words say so."""
    name = case.default("RELEASE_REF", "${VERSION}")
    options: dict[str, Any] = {"path": HERE, "ref": name, "commit": COMMIT}
    if case.says(r"\bsigned|署名"):
        options["signed"] = True
    found: list[Probe] = [("git", options)]
    if case.says(r"\bpushed|remote|origin|リモート|プッシュ|push済"):
        found.append(("git", {"path": HERE, "ref": name, "remote": case.default("GIT_REMOTE", "origin")}))
    return found


def head(_case: Case) -> list[Probe]:
    """The checkout stands at the commit."""
    return [("git", {"path": HERE, "head": True, "commit": COMMIT})]


def file_current(case: Case) -> list[Probe]:
    """Files are as the commit has them; of a script also that it can be run."""
    found: list[Probe] = []
    for path in case.words.files:
        if "*" in path or path in case.words.environment_files or path.startswith(("/", "~")):
            continue
        options: dict[str, Any] = {"path": HERE, "file": literal(path.removeprefix("./")), "commit": COMMIT}
        if path in case.words.scripts:
            options["executable"] = True
        if path.endswith((".sh", ".bash")):
            options["syntax"] = True
        found.append(("git", options))
    return found


def rollback_document(case: Case) -> list[Probe]:
    """The document of the way back is there, as the commit has it."""
    if not case.words.documents:
        return []
    path = case.default("ROLLBACK_DOC", literal(case.words.documents[0]))
    return [("file", {"path": path, "min_size": 1}), ("git", {"path": HERE, "file": path, "commit": COMMIT})]


def tools(case: Case) -> list[Probe]:
    """Programs are installed, and new enough."""
    named = case.words.tools
    apart = re.search(r"(?:version|バージョン)\s*v?(\d+(?:\.\d+)*)", case.words.said)
    if len(named) == 1 and not named[0][1] and apart is not None:
        named = ((named[0][0], apart[1]),)
    return [("tool", {"name": name} | ({"min": least} if least else {})) for name, least in named]


def deployed(case: Case) -> list[Probe]:
    """The deploy was run, and ended well. Without a script that is named it is a person's word."""
    script = next(iter(case.words.scripts), "").removeprefix("./")
    if not script:
        return []
    return [("run", {"script": case.default("DEPLOY_SCRIPT", literal(script)), "pinned": True})]


def deploy_log(case: Case) -> list[Probe]:
    """The log of the deploy is in the evidence store."""
    return [("run", {"item": case.deploy, "log": True})] if case.deploy else []


def rolled_back(_case: Case) -> list[Probe]:
    """The way back was gone, to the last good commit."""
    return [("run", {"last_good": True, "log": True})]


def started_on_record(_case: Case) -> list[Probe]:
    """Who begins, and when, was written down before the deploy."""
    return [("record", {"before_deploy": True})]


def logs_on_record(_case: Case) -> list[Probe]:
    """The logs of all runs are kept."""
    return [("record", {"logs": True})]


def release_on_record(_case: Case) -> list[Probe]:
    """Who worked on the release, and its commit."""
    return [("record", {"operators": True, "commit": True})]
