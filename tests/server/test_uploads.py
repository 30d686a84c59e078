from typing import Any

import httpx
import pytest

from tests.server.conftest import WORKSPACE, Notion, text
from ultra_checklist.server import times

UPLOAD_KEYS = {
    *("object", "id", "created_time", "created_by", "last_edited_time", "expiry_time", "in_trash", "status"),
    *("filename", "content_type", "content_length", "request_id"),
}


def create(notion: Notion, filename: str = "a.txt") -> dict[str, Any]:
    return notion.post("file_uploads", {"mode": "single_part", "filename": filename})


def send(notion: Notion, upload: str, content: bytes = b"hello", kind: str = "text/plain") -> httpx.Response:
    return notion.send("POST", f"/v1/file_uploads/{upload}/send", files={"file": ("a.txt", content, kind)})


def sent(notion: Notion, filename: str = "a.txt", kind: str = "text/plain") -> dict[str, Any]:
    upload = create(notion, filename)
    assert send(notion, upload["id"], kind=kind).status_code == 200
    return upload


def path_of(url: str) -> str:
    return url.removeprefix("http://127.0.0.1:8642")


def test_an_upload_from_pending_to_attached(notion: Notion) -> None:
    upload = create(notion)
    assert set(upload) == {*UPLOAD_KEYS, "upload_url"}
    assert (upload["status"], upload["content_length"], upload["content_type"]) == ("pending", None, "text/plain")
    answer = send(notion, upload["id"]).json()
    assert set(answer) == UPLOAD_KEYS
    assert (answer["status"], answer["content_length"]) == ("uploaded", 5)
    assert answer["expiry_time"] is not None
    source = notion.database(Files={"files": {}})
    file = {"name": "my.txt", "type": "file_upload", "file_upload": {"id": upload["id"]}}
    row = notion.row(source, "x", Files={"files": [file]})
    (shown,) = row["properties"]["Files"]["files"]
    assert (shown["name"], shown["type"]) == ("my.txt", "file")
    assert set(shown["file"]) == {"url", "expiry_time"}
    assert notion.get(f"file_uploads/{upload['id']}")["expiry_time"] is None
    download = notion.send("GET", path_of(shown["file"]["url"]))
    assert (download.content, download.headers["content-type"]) == (b"hello", "text/plain; charset=utf-8")
    more = {"external": {"url": "https://example.com"}, "name": "other"}
    kept = notion.patch(f"pages/{row['id']}", {"properties": {"Files": {"files": [shown, more]}}})
    assert [one["name"] for one in kept["properties"]["Files"]["files"]] == ["my.txt", "other"]


def test_links_are_signed_and_end(notion: Notion, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = sent(notion)
    body = {"type": "file_upload", "file_upload": {"id": upload["id"]}}
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}, "children": [{"file": body}]})
    (block,) = notion.get(f"blocks/{page['id']}/children")["results"]
    path = path_of(block["file"]["file"]["url"])
    assert notion.send("GET", path).status_code == 200
    assert notion.send("GET", path[:-1] + ("0" if path[-1] != "0" else "1")).status_code == 403
    assert notion.send("GET", path.partition("?")[0]).status_code == 403
    assert notion.send("GET", path.replace("expires=", "expires=9")).status_code == 403
    later = times.now() + times.HOUR + 1000
    monkeypatch.setattr(times, "now", lambda: later)
    assert notion.send("GET", path).status_code == 403


def test_an_upload_that_nobody_attaches_expires(notion: Notion, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = sent(notion)
    later = times.now() + times.HOUR + 1000
    monkeypatch.setattr(times, "now", lambda: later)
    assert notion.get(f"file_uploads/{upload['id']}")["status"] == "expired"
    assert [one["id"] for one in notion.get("file_uploads", status="expired")["results"]] == [upload["id"]]
    body = {"type": "file_upload", "file_upload": {"id": upload["id"]}}
    page = {"parent": {"page_id": WORKSPACE}, "children": [{"file": body}]}
    assert "its status is `expired`" in notion.refused("POST", "pages", page)["message"]


def test_a_pending_upload_cannot_be_attached(notion: Notion) -> None:
    body = {"type": "file_upload", "file_upload": {"id": create(notion)["id"]}}
    page = {"parent": {"page_id": WORKSPACE}, "icon": body}
    assert "its status is `pending`" in notion.refused("POST", "pages", page)["message"]


@pytest.mark.parametrize("name", ["deploy.log", "run.sh", "a.html", "notes.md", "none", "a.txt.gz"])
def test_other_extensions_are_refused(notion: Notion, name: str) -> None:
    error = notion.refused("POST", "file_uploads", {"filename": name})
    assert "extension that is not supported" in error["message"]


@pytest.mark.parametrize("name", ["deploy.log.txt", "bundle.json", "報告.pdf", "A.PNG"])
def test_listed_extensions_are_taken(notion: Notion, name: str) -> None:
    assert create(notion, name)["filename"] == name


def test_the_limits_of_a_free_workspace(notion: Notion) -> None:
    several = {"mode": "multi_part", "filename": "a.txt", "number_of_parts": 2}
    error = notion.refused("POST", "file_uploads", several)
    assert (error["status"], error["code"]) == (400, "validation_error")
    assert "Multi-part uploads are not available" in error["message"]
    upload = create(notion)
    answer = send(notion, upload["id"], b"x" * (5 * 1024 * 1024 + 1))
    assert "exceeds this workspace's limit of 5242880 bytes" in answer.json()["message"]
    assert send(notion, upload["id"], b"x" * (5 * 1024 * 1024)).status_code == 200


def test_what_is_sent_fits_what_was_announced(notion: Notion) -> None:
    upload = create(notion)
    assert "does not match" in send(notion, upload["id"], kind="image/png").json()["message"]
    assert send(notion, upload["id"], b"").status_code == 400
    assert notion.send("POST", f"/v1/file_uploads/{upload['id']}/send", json={}).status_code == 400
    assert send(notion, upload["id"]).status_code == 200
    assert "status `uploaded`" in send(notion, upload["id"]).json()["message"]
    assert notion.refused("POST", f"file_uploads/{upload['id']}/complete", {})["status"] == 400
    mismatch = {"filename": "a.txt", "content_type": "image/png"}
    assert "does not match" in notion.refused("POST", "file_uploads", mismatch)["message"]


def test_a_name_may_come_with_the_file(notion: Notion) -> None:
    upload = notion.post("file_uploads", {})
    assert upload["filename"] is None
    answer = send(notion, upload["id"]).json()
    assert (answer["filename"], answer["content_type"]) == ("a.txt", "text/plain")
    typed = notion.post("file_uploads", {"filename": "a", "content_type": "application/json"})
    assert typed["filename"] == "a.json"


def test_downloads_run_nowhere(notion: Notion) -> None:
    upload = sent(notion, "a.svg", "image/svg+xml")
    icon = {"type": "file_upload", "file_upload": {"id": upload["id"]}}
    page = notion.post(
        "pages", {"parent": {"page_id": WORKSPACE}, "icon": icon, "properties": {"title": text("p")}}
    )
    answer = notion.send("GET", path_of(page["icon"]["file"]["url"]))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''a.svg"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_uploads_are_listed_newest_first(notion: Notion) -> None:
    ids = [create(notion)["id"] for _ in range(3)]
    first = notion.get("file_uploads", page_size=2)
    rest = notion.get("file_uploads", start_cursor=first["next_cursor"])
    assert {one["id"] for one in first["results"] + rest["results"]} == set(ids)
    assert (rest["type"], rest["file_upload"], rest["has_more"]) == ("file_upload", {}, False)
