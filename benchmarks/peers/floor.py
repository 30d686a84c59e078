"""The same checks with the standard library alone, as short as they can be; prints id and verdict as JSON."""

import http.client
import json
import re
import stat
import subprocess
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def verdict(check: dict[str, Any]) -> bool:
    """Whether it is as it should be."""
    if check["kind"] == "mode":
        return stat.S_IMODE(Path(check["path"]).lstat().st_mode) == 0o600
    if check["kind"] == "content":
        return bool(re.search("APP_ENV=production", Path(check["path"]).read_text(encoding="utf-8")))
    if check["kind"] == "command":
        return subprocess.run(check["run"], capture_output=True, timeout=10, check=False).returncode == 0
    address = urllib.parse.urlsplit(check["url"])
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    connection.request("GET", address.path)
    good = connection.getresponse().status == 200
    connection.close()
    return good


checks = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
with ThreadPoolExecutor(32) as pool:
    verdicts = list(pool.map(verdict, checks))
sys.stdout.write(json.dumps({check["id"]: good for check, good in zip(checks, verdicts, strict=True)}))
