"""Lines of logs as servers and tools write them, in which nothing is secret, made by a seed."""

import base64
import json
import random
import string
import uuid
from collections.abc import Iterator

_WORDS = [
    "token bucket refilled",
    "key not found in cache",
    "password reset mail was sent",
    "auth service is up",
    "secret santa list",
    "primary key violation",
    "the private network is ready",
    "seed data loaded",
    "webhook delivered",
    "cookie banner closed",
    "passed 12, failed 0",
    "author: Sato",
    "keyboard interrupt",
    "basic authentication is enabled",
    "bearer of good news",
    "production deploy of autotrade",
    "listening on port 3000",
    "debug=true",
    "APP_ENV=production",
    "NODE_ENV=production",
    "tokens: 512",
    "max_tokens=4096",
    "token_type: bearer",
    "token expired",
    "password: required",
    "secret/app-config created",
]
_JAPANESE = [
    "本番サーバ上のリポジトリがクリーンであり、不要なローカル変更がない",
    "デプロイが完了しました（所要時間 12 秒）",
    "エラー: 接続が拒否されました",
    "パスワードの入力が必要です",
    "トークンの有効期限が切れています",
    "秘密鍵の権限を確認してください",
]
_LEVELS = ("INFO", "WARN", "DEBUG", "ERROR")


def commit(rng: random.Random) -> str:
    """A commit id."""
    return f"{rng.getrandbits(160):040x}"


def lines(seed: int, count: int) -> Iterator[str]:
    """So many harmless lines."""
    rng = random.Random(seed)
    for number in range(count):
        yield _MAKERS[number % len(_MAKERS)](rng)


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(3, 12)))


def _time(rng: random.Random) -> str:
    return f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:07.{rng.randint(0, 999):03}Z"


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128)))


_MAKERS = (
    lambda r: f'10.0.{r.randint(0, 255)}.7 - - [02/Jan/2026:03:04:05 +0900] "GET /{_name(r)}/{r.randint(1, 9999)}?page={r.randint(1, 9)}&sort=desc HTTP/1.1" 200 {r.randint(1, 99999)} "https://example.com/{_name(r)}" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"',
    lambda r: f"commit {commit(r)}",
    lambda r: f"{commit(r)[:7]} {r.choice(['Fix', 'Add', 'Merge'])} {_name(r)} ({commit(r)[:12]})",
    lambda r: f"   {commit(r)[:8]}..{commit(r)[:8]}  main       -> origin/main",
    lambda r: f"{commit(r)} refs/tags/v1.{r.randint(0, 99)}.0",
    lambda r: f"HEAD is now at {commit(r)[:7]} Release v1.4.{r.randint(0, 20)}",
    lambda r: f" {_name(r)}/{_name(r)}.py | {r.randint(1, 99)} +++++-----",
    lambda r: f"Digest: sha256:{r.getrandbits(256):064x}",
    lambda r: f" ---> {r.getrandbits(48):012x}",
    lambda r: f"{r.getrandbits(48):012x}   autotrade-backend:v1.4.0   \"uvicorn app:main\"   {r.randint(1, 59)} minutes ago   Up {r.randint(1, 59)} minutes   0.0.0.0:3000->3000/tcp   autotrade-backend-1",
    lambda r: f"\x1b[32m✔\x1b[0m Container autotrade-{_name(r)}-1  \x1b[32mStarted\x1b[0m  {r.random():.1f}s",
    lambda r: f"#{r.randint(1, 20)} sha256:{r.getrandbits(256):064x} {r.randint(1, 99)}.{r.randint(0, 99)}MB / 120.5MB 3.2s",
    lambda r: f"{_time(r)} {r.choice(_LEVELS)} {_name(r)}: {r.choice(_WORDS)}",
    lambda r: f"{_time(r)} [{r.choice(_LEVELS)}] {r.choice(_JAPANESE)}",
    lambda r: json.dumps({"ts": _time(r), "level": "info", "msg": r.choice(_WORDS), "request_id": _uuid(r), "key": f"user:{r.randint(1, 9999)}", "ms": r.randint(1, 999)}),
    lambda r: json.dumps({"status": "ok", "commit": commit(r), "environment": "production", "uptime": r.randint(1, 99999), "checks": {"db": True, "cache": True}}),
    lambda r: f'  File "/srv/app/{_name(r)}/{_name(r)}.py", line {r.randint(1, 999)}, in {_name(r)}_{_name(r)}',
    lambda r: f"    return self.{_name(r)}({_name(r)}={_name(r)}, token=token, password=self.password)",
    lambda r: f"{_name(r).title()}Error: '{_name(r)}' object has no attribute 'access_token'",
    lambda r: f"\tat com.example.{_name(r)}.{_name(r).title()}.invoke({_name(r).title()}.java:{r.randint(1, 999)})",
    lambda r: f"java.lang.IllegalStateException: no key for partition_key={_name(r)}-{r.randint(1, 99)} in {_name(r)}",
    lambda r: f'data:image/png;base64,{base64.b64encode(r.randbytes(r.choice([48, 90, 300, 600]))).decode()}',
    lambda r: base64.b64encode(r.randbytes(57)).decode(),
    lambda r: f'      "integrity": "sha512-{base64.b64encode(r.randbytes(64)).decode()}",',
    lambda r: f"npm WARN deprecated {_name(r)}@{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}: use {_name(r)} instead",
    lambda r: f"Successfully installed {_name(r)}-{r.randint(1, 9)}.{r.randint(0, 9)} {_name(r)}_{_name(r)}-0.{r.randint(1, 99)}",
    lambda r: f"Get:{r.randint(1, 99)} http://deb.example.org/debian bookworm/main amd64 {_name(r)} amd64 {r.randint(1, 9)}.{r.randint(1, 20)}-{r.randint(1, 5)} [{r.randint(1, 999)} kB]",
    lambda r: f"Jan 02 03:04:05 web-1 systemd[1]: Started {_name(r)}.service - {_name(r).title()} backend.",
    lambda r: f"Jan 02 03:04:05 web-1 sshd[{r.randint(1, 9999)}]: Accepted publickey for deploy from 10.0.0.{r.randint(1, 255)} port {r.randint(1024, 65535)} ssh2: ED25519 SHA256:{base64.b64encode(r.randbytes(32)).decode().rstrip('=')}",
    lambda r: f"ETag: W/\"{r.getrandbits(64):x}\"; Content-Length: {r.randint(1, 9999)}; X-Request-Id: {_uuid(r)}",
    lambda r: f'http_requests_total{{method="GET",path="/{_name(r)}",status="200"}} {r.randint(1, 99999)}',
    lambda r: f"0x{r.getrandbits(160):040x} balance {r.random():.18f} ETH, tx 0x{r.getrandbits(256):064x}",
    lambda r: f"slow query: key, {_name(r)} of {_name(r)} WHERE id = {r.randint(1, 9999)} AND token_id = {r.randint(1, 99)};",
    lambda r: f"INFO  [alembic.runtime.migration] Running upgrade {r.getrandbits(48):012x} -> {r.getrandbits(48):012x}, add {_name(r)}",
    lambda r: f"PORT=3000 WORKERS={r.randint(1, 16)} LOG_LEVEL=info TZ=Asia/Tokyo FEATURE_{_name(r).upper()}=true",
    lambda r: f"curl -fsS http://127.0.0.1:{r.randint(1024, 65535)}/health -H 'Accept: application/json'",
    lambda r: f"cloning https://github.example/{_name(r)}/{_name(r)}.git into /srv/{_name(r)}/{_name(r)}",
    lambda r: f"tests/test_{_name(r)}.py::test_{_name(r)}_{_name(r)} PASSED [{r.randint(1, 100):3}%]",
    lambda r: f"progress {'█' * r.randint(1, 20)}{'░' * r.randint(1, 20)} {r.randint(0, 100)}% {r.randint(0, 999)} B/s eta 00:0{r.randint(0, 9)}",
    lambda r: f"message_id={_uuid(r)} session={_uuid(r)} retry={r.randint(0, 5)} idempotency-key: {_uuid(r)}",
)  # fmt: skip
