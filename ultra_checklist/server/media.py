"""Icons, covers and files: external links, and uploads that read back as signed links on this server."""

import hashlib
import hmac
import re
from typing import Any, Final
from urllib.parse import quote, urlsplit

from ultra_checklist.server import nodes, times, validation
from ultra_checklist.server.calls import Call
from ultra_checklist.server.errors import failed, invalid, not_found

Json = dict[str, Any]

LINK_LIFE: Final = times.HOUR
_NOTION_ICON = re.compile(r"https://www\.notion\.(?:so|com)/icons/(?P<name>[a-z0-9-]+)_(?P<color>[a-z]+)\.svg")


def signature(secret: bytes, identifier: str, expires: int) -> str:
    """What a link to an uploaded file must carry to be answered."""
    return hmac.new(secret, f"{identifier}:{expires}".encode(), hashlib.sha256).hexdigest()


def signed(call: Call, identifier: str, filename: str) -> Json:
    """``{url, expiry_time}`` of an uploaded file; the link works for an hour."""
    expires = call.moment + LINK_LIFE
    sig = signature(call.secret, identifier, expires)
    return {
        "url": f"{call.base_url}/files/{identifier}/{quote(filename, safe='')}?expires={expires}&sig={sig}",
        "expiry_time": times.to_milliseconds(expires),
    }


def reference(call: Call, value: Json, path: str) -> Json:
    """Check a file object of a request and give its stored form; an upload is attached by this."""
    kinds = ("external", "file_upload", "file")
    kind = value.get("type") or next((key for key in kinds if key in value), "external")
    validation.one_of(kind, f"{path}.type", kinds)
    content = validation.mapping(value.get(kind), f"{path}.{kind}")
    if kind == "external":
        return {"external": validation.string(content.get("url"), f"{path}.external.url", 2000)}
    if kind == "file_upload":
        return attach(call, validation.identifier(content.get("id"), f"{path}.file_upload.id"))
    # A client that adds a file sends back those it has read, as links of ours.
    parts = urlsplit(validation.string(content.get("url"), f"{path}.file.url")).path.split("/")
    if len(parts) == 4 and parts[1] == "files":
        upload = nodes.find(call.connection, validation.identifier(parts[2], f"{path}.file.url"), "file_upload")
        return {"upload": upload.id, "filename": upload.title}
    raise failed(f"{path}.file.url", "should be a link to a file of this workspace", content["url"])


def attach(call: Call, identifier: str) -> Json:
    """Attach an upload for good; refused unless it has arrived and has not expired."""
    upload = nodes.get(call.connection, identifier)
    if upload is None or upload.kind != "file_upload":
        raise not_found("file_upload", identifier)
    status = upload_status(upload, call.moment)
    if status != "uploaded":
        raise invalid(
            f"File upload {identifier} cannot be attached: its status is `{status}`, it should be `uploaded`."
        )
    upload.data["attached"] = True
    nodes.save(call.connection, upload)
    return {"upload": upload.id, "filename": upload.title}


def upload_status(upload: nodes.Node, moment: int) -> str:
    """``pending``, ``uploaded``, or ``expired`` an hour after creation without being attached.

    What comes from an external address has come with the next request.
    """
    if not upload.data.get("attached") and moment >= upload.data["expires"]:
        return "expired"
    if upload.data.get("external") and moment > upload.created_at:
        return "uploaded"
    return str(upload.data["status"])


def answered(call: Call, stored: Json) -> Json:
    """The answered form of a stored file: ``{type, external|file}``."""
    if "upload" in stored:
        return {"type": "file", "file": signed(call, stored["upload"], stored["filename"])}
    return {"type": "external", "external": {"url": stored["external"]}}


def parse_icon(call: Call, value: Any, path: str) -> Json | None:
    """Check an icon or cover of a request and give its stored form."""
    if value is None:
        return None
    given = validation.mapping(value, path)
    kind = given.get("type") or next((key for key in ("emoji", "icon", "custom_emoji") if key in given), "")
    if kind == "emoji":
        return {"type": "emoji", "emoji": validation.string(given.get("emoji"), f"{path}.emoji", 32)}
    if kind in ("icon", "custom_emoji"):
        return {"type": kind, kind: validation.mapping(given.get(kind), f"{path}.{kind}")}
    stored = reference(call, given, path)
    if match := _NOTION_ICON.fullmatch(stored.get("external", "")):
        return {"type": "icon", "icon": match.groupdict()}
    return stored


def icon(call: Call, stored: Json | None) -> Json | None:
    """The answered form of a stored icon or cover."""
    return stored if stored is None or "type" in stored else answered(call, stored)
