"""File uploads: created, sent in one part or several, then attached to a property or block.

Sizes go by the workspace's plan; the list of file types is closed
(developers.notion.com/docs/working-with-files-and-media, developers.notion.com/reference/file-upload).
"""

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from ultra_checklist.server import media, nodes, plan, times, users, validation
from ultra_checklist.server.calls import Call, Json, Part, listing, paged
from ultra_checklist.server.errors import MISSING, failed, invalid

LIFE: Final = times.HOUR
LONGEST_NAME: Final = 900
MOST_PARTS: Final = 1000
SMALLEST_PART: Final = 5 * plan.MIB
STATUSES: Final = ("pending", "uploaded", "expired", "failed")
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
CONTENT_TYPES: Final[dict[str, str]] = {
    **dict.fromkeys((".aac", ".adts"), "audio/aac"),
    **dict.fromkeys((".mid", ".midi"), "audio/midi"),
    **dict.fromkeys((".mp3", ".mpga"), "audio/mpeg"),
    **dict.fromkeys((".m4a", ".m4b"), "audio/mp4"),
    **dict.fromkeys((".oga", ".ogg"), "audio/ogg"),
    ".wav": "audio/wav",
    ".wma": "audio/x-ms-wma",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".json": "application/json",
    **dict.fromkeys((".doc", ".dot"), "application/msword"),
    ".docx": f"{_OFFICE}wordprocessingml.document",
    ".dotx": f"{_OFFICE}wordprocessingml.template",
    **dict.fromkeys((".xls", ".xlt", ".xla"), "application/vnd.ms-excel"),
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
    ".xltx": f"{_OFFICE}spreadsheetml.template",
    **dict.fromkeys((".ppt", ".pot", ".pps", ".ppa"), "application/vnd.ms-powerpoint"),
    ".pptx": f"{_OFFICE}presentationml.presentation",
    ".potx": f"{_OFFICE}presentationml.template",
    ".gif": "image/gif",
    ".heic": "image/heic",
    **dict.fromkeys((".jpeg", ".jpg"), "image/jpeg"),
    ".png": "image/png",
    ".svg": "image/svg+xml",
    **dict.fromkeys((".tif", ".tiff"), "image/tiff"),
    ".webp": "image/webp",
    ".ico": "image/vnd.microsoft.icon",
    ".amv": "video/x-amv",
    **dict.fromkeys((".asf", ".wmv"), "video/x-ms-asf"),
    ".avi": "video/x-msvideo",
    ".f4v": "video/x-f4v",
    ".flv": "video/x-flv",
    **dict.fromkeys((".gifv", ".m4v", ".mp4"), "video/mp4"),
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    **dict.fromkeys((".mov", ".qt"), "video/quicktime"),
    ".mpeg": "video/mpeg",
}


def create(call: Call) -> Json:
    """POST /v1/file_uploads."""
    call.only("mode", "filename", "content_type", "number_of_parts", "external_url")
    modes = ("single_part", "multi_part", "external_url")
    mode = validation.one_of(call.body.get("mode", "single_part"), "body.mode", modes)
    external = _external(call, mode)
    parts = _parts(call, mode)
    filename = call.body.get("filename")
    content_type = validation.optional(call.body.get("content_type"), "body.content_type")
    if filename is not None:
        filename, content_type = _typed(validation.string(filename, "body.filename"), content_type)
    upload = nodes.Node(
        id=nodes.new_id(),
        kind="file_upload",
        parent_kind="workspace",
        parent_id="uploads",
        title=filename or "",
        data={
            "status": "pending",
            "expires": call.moment + LIFE,
            "content_type": content_type,
            "length": None,
            "parts": parts,
            **({"external": external} if external else {}),
        },
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    if external:
        _store(call, upload.id, external.encode())
    return answered(call, nodes.insert(call.connection, upload))


def _external(call: Call, mode: str) -> str:
    """The address that is imported; nothing is fetched from it: the file holds the address."""
    given = call.body.get("external_url")
    if mode != "external_url":
        if given is not None:
            raise failed("body.external_url", "should be not present", given)
        return ""
    if call.body.get("filename") is None:
        raise failed("body.filename", "should be defined", MISSING)
    address = validation.string(call.body.get("external_url", MISSING), "body.external_url", 2000)
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise failed("body.external_url", "should be an https:// URL", address)
    return address


def _parts(call: Call, mode: str) -> int | None:
    given = call.body.get("number_of_parts")
    if mode != "multi_part":
        if given is not None:
            raise failed("body.number_of_parts", "should be not present", given)
        return None
    if not call.workspace.plan.multi_part:
        raise invalid(
            "Multi-part uploads are not available on this workspace's plan. Send the file in one part of at "
            f"most {call.workspace.plan.largest_part} bytes, or upgrade the workspace."
        )
    if call.body.get("filename") is None:
        raise failed("body.filename", "should be defined", MISSING)
    parts = validation.number(call.body.get("number_of_parts", MISSING), "body.number_of_parts")
    if parts != int(parts) or not 1 <= parts <= MOST_PARTS:
        raise failed("body.number_of_parts", f"should be a whole number from `1` to `{MOST_PARTS}`", parts)
    return int(parts)


def _typed(filename: str, content_type: str | None) -> tuple[str, str]:
    # The extension decides; a name without one gets that of its content type.
    if len(filename.encode()) > LONGEST_NAME:
        raise failed("body.filename.length", f"should be ≤ `{LONGEST_NAME}`", len(filename.encode()))
    plain = (content_type or "").partition(";")[0].strip()
    extension = PurePosixPath(filename).suffix.lower()
    if not extension and plain:
        extension = next((known for known, kind in CONTENT_TYPES.items() if kind == plain), "")
        filename += extension
    if extension not in CONTENT_TYPES:
        raise invalid(
            f"Provided `filename` has an extension that is not supported for the File Upload API: {filename}. "
            "See https://developers.notion.com/docs/working-with-files-and-media#supported-file-types."
        )
    if plain and plain != CONTENT_TYPES[extension]:
        raise invalid(
            f"Provided `content_type` {plain} does not match the extension of `filename` {filename}: "
            f"expected {CONTENT_TYPES[extension]}."
        )
    return filename, CONTENT_TYPES[extension]


def send(call: Call) -> Json:
    """POST /v1/file_uploads/{file_upload_id}/send: multipart form data with the part ``file``."""
    upload = nodes.find(call.connection, call.identifier("file_upload_id"), "file_upload")
    _pending(call, upload)
    part = call.form.get("file")
    if not isinstance(part, Part):
        raise failed("body.file", "should be a file of multipart form data", None)
    if not part.content:
        raise invalid("The file is empty.")
    most = call.workspace.plan.largest_part
    if len(part.content) > most:
        raise invalid(f"File size of {len(part.content)} bytes exceeds this workspace's limit of {most} bytes.")
    if not upload.title:
        upload.title, upload.data["content_type"] = _typed(part.filename, part.content_type)
    sent = part.content_type.partition(";")[0].strip()
    if sent and sent != upload.data["content_type"]:
        raise invalid(
            f"Current content type of {sent} does not match the content type of the file upload: "
            f"{upload.data['content_type']}."
        )
    if upload.data.get("parts"):
        _store(call, f"{upload.id}:{_part_number(call, upload)}", part.content)
    else:
        _store(call, upload.id, part.content)
        upload.data |= {"status": "uploaded", "length": len(part.content)}
    upload.edited_at = call.moment
    nodes.save(call.connection, upload)
    return answered(call, upload)


def _pending(call: Call, upload: nodes.Node) -> None:
    status = media.upload_status(upload, call.moment)
    if status != "pending":
        raise invalid(f"File upload {upload.id} has status `{status}`, it should be `pending`.")


def _store(call: Call, identifier: str, content: bytes) -> None:
    # A part may be sent again; the last one counts.
    call.connection.execute("REPLACE INTO contents VALUES (?, ?)", (identifier, content))


def _part_number(call: Call, upload: nodes.Node) -> int:
    given = call.form.get("part_number", MISSING)
    if not isinstance(given, str) or not given.isdecimal() or not 1 <= int(given[:9]) <= upload.data["parts"]:
        raise failed("body.part_number", f"should be a number from `1` to `{upload.data['parts']}`", given)
    return int(given)


def _sent(call: Call, upload: nodes.Node) -> list[tuple[str, int]]:
    # The ids and sizes of the parts that have arrived, in order.
    rows = call.connection.execute(
        "SELECT id, LENGTH(content) FROM contents WHERE id > ? AND id < ?", (f"{upload.id}:", f"{upload.id};")
    )
    return sorted(rows, key=lambda row: int(row[0].rpartition(":")[2]))


def complete(call: Call) -> Json:
    """POST /v1/file_uploads/{file_upload_id}/complete: puts the parts of a multi-part upload together."""
    call.only()
    upload = nodes.find(call.connection, call.identifier("file_upload_id"), "file_upload")
    if not upload.data.get("parts"):
        raise invalid(
            f"File upload {upload.id} was created with mode single_part; only multi_part uploads are completed."
        )
    _pending(call, upload)
    sent = _sent(call, upload)
    if len(sent) < upload.data["parts"]:
        raise invalid(f"File upload {upload.id} has {len(sent)} of {upload.data['parts']} parts; send the others.")
    small = [place for place, (_, size) in enumerate(sent[:-1], 1) if size < SMALLEST_PART]
    if small:
        raise invalid(f"Part {small[0]} is smaller than {SMALLEST_PART} bytes, which only the last part may be.")
    length = sum(size for _, size in sent)
    if length > call.workspace.plan.largest_file:
        most = call.workspace.plan.largest_file
        raise invalid(f"File size of {length} bytes exceeds this workspace's limit of {most} bytes.")
    one = "SELECT content FROM contents WHERE id = ?"
    _store(call, upload.id, b"".join(call.connection.execute(one, (part,)).fetchone()[0] for part, _ in sent))
    call.connection.executemany("DELETE FROM contents WHERE id = ?", [(part,) for part, _ in sent])
    upload.data |= {"status": "uploaded", "length": length}
    upload.edited_at = call.moment
    nodes.save(call.connection, upload)
    return answered(call, upload)


def retrieve(call: Call) -> Json:
    """GET /v1/file_uploads/{file_upload_id}."""
    return answered(call, nodes.find(call.connection, call.identifier("file_upload_id"), "file_upload"))


def index(call: Call) -> Json:
    """GET /v1/file_uploads, newest first."""
    status = call.option("status")
    if status is not None:
        validation.one_of(status, "query.status", STATUSES)
    found = [
        upload
        for upload in reversed(nodes.of_kind(call.connection, "file_upload"))
        if status in (None, media.upload_status(upload, call.moment))
    ]
    shown, cursor = paged(call, found, lambda upload: upload.id)
    return listing("file_upload", [answered(call, upload) for upload in shown], cursor)


def answered(call: Call, upload: nodes.Node) -> Json:
    """An upload as Notion answers it; attached ones do not expire."""
    data = upload.data
    status = media.upload_status(upload, call.moment)
    author = users.everybody(call.connection)[upload.created_by]
    answer: Json = {
        "object": "file_upload",
        "id": upload.id,
        "created_time": times.to_minute(upload.created_at),
        "created_by": {"id": author.id, "type": author.kind},
        "last_edited_time": times.to_minute(upload.edited_at),
        "expiry_time": None if data.get("attached") else times.to_minute(data["expires"]),
        "in_trash": False,
        "status": status,
        "filename": upload.title or None,
        "content_type": data["content_type"],
        "content_length": data["length"],
    }
    if data.get("external"):
        if status != "pending":
            imported = {"imported_time": times.to_milliseconds(upload.created_at), "type": "success", "success": {}}
            answer |= {"file_import_result": imported, "content_length": len(data["external"].encode())}
    elif status == "pending":
        answer["upload_url"] = f"{call.base_url}/v1/file_uploads/{upload.id}/send"
        if data.get("parts"):
            answer["complete_url"] = f"{call.base_url}/v1/file_uploads/{upload.id}/complete"
    if data.get("parts"):
        sent = data["parts"] if status == "uploaded" else len(_sent(call, upload))
        answer["number_of_parts"] = {"total": data["parts"], "sent": sent}
    return answer
