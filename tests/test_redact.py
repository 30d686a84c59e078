"""Secrets do not come through, in any form in which they travel; hashes and ids do."""

import base64
import json
import random
import tracemalloc
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import canaries, harmless
from ultra_checklist.redact import MARK, Redactor, is_secret_name

SECRET = 'p@ss "wörd"/+ 7'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET, safe=""),
        quote(SECRET),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
    ],
)
def test_every_plain_form_is_marked(form: str) -> None:
    text = Redactor([SECRET]).text(f"before {form} after")
    assert MARK in text
    assert form.strip('"') not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@given(
    st.binary(max_size=7),
    st.binary(max_size=7),
    st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=12, max_size=40),
)
def test_base64_at_every_offset_is_marked(before: bytes, after: bytes, secret: str) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    assert Redactor([secret]).text(encoded) != encoded or Redactor([secret])._secrets == set()


@pytest.mark.parametrize(
    "text",
    [
        "ntn_1234567890abcdef",
        "xoxb-1234567890-abcdef",
        "ghp_abcdefghijklmnopqrstuvwxyz0123",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.signature",
        "https://hooks.slack.com/services/T0/B0/xyz",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_known_shapes_of_tokens_are_marked(text: str) -> None:
    assert text not in Redactor().text(f"a {text} b")


@pytest.mark.parametrize(
    ("before", "key"),
    [
        ("https://mainnet.infura.io/v3/", "9aa3d95b3bc440fa88ea12eaa4456161"),
        ("wss://arb-mainnet.g.alchemy.com/v2/", "abcdEFGH1234-_567890abcdEFGH1234"),
        ("https://wild-old-field.quiknode.pro/", "9aa3d95b3bc440fa88ea12eaa445616100000000"),
        ("", "AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQQPZRY9X8GF2TVDW0S3JN54KHC"),
    ],
)
def test_the_key_of_a_provider_is_marked_and_its_host_stays(before: str, key: str) -> None:
    assert Redactor().text(f"POST {before}{key} 200") == f"POST {before}{MARK} 200"


def test_a_password_in_an_address_is_marked() -> None:
    assert Redactor().text("postgres://app:hunter2@db/x") == f"postgres://app:{MARK}@db/x"


@pytest.mark.parametrize(
    "value",
    [
        "0123456789abcdef0123456789abcdef01234567",
        "a" * 64,
        "12345678-1234-4123-8123-123456789abc",
        "short",
        "production",
    ],
)
def test_ids_short_words_and_public_words_stay(value: str) -> None:
    assert Redactor([value], public=["production"]).text(f"x {value} y") == f"x {value} y"


def test_structures_are_walked_with_their_keys() -> None:
    found = Redactor(["hunter2hunter2"]).data({"hunter2hunter2": ["hunter2hunter2", 1, None]})
    assert found == {MARK: [MARK, 1, None]}


@pytest.mark.parametrize(("name", "secret"), [("API_KEY", True), ("DB_PASSWORD", True), ("LINE_CHANNEL_TOKEN", True), ("APP_ENV", False), ("KEYBOARD", False), ("AUTHOR", False), ("AUTH_TOKEN", True)])  # fmt: skip
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


def knowing(secrets: list[str]) -> Redactor:
    redactor = Redactor()
    redactor.add(secrets, certain=True)
    return redactor


@pytest.mark.parametrize("encoding", canaries.ENCODINGS)
def test_no_canary_comes_through_in_any_encoding(encoding: str) -> None:
    rng = random.Random(encoding)
    for secret in canaries.make(rng.randrange(10**6), 60):
        text = f"x{canaries.ENCODINGS[encoding](secret, rng)} y"
        canaries.assert_absent([secret], texts=[knowing([secret]).text(text)])


def test_ten_thousand_fuzzed_outputs_hold_no_canary() -> None:
    for seed in range(40):
        secrets = canaries.make(seed)
        redactor = knowing(secrets)
        canaries.assert_absent(
            secrets, texts=[redactor.text(text) for _, text in canaries.fuzzed(secrets, seed, 250)]
        )


@pytest.mark.parametrize("seed", range(20))
def test_tokens_and_named_secrets_are_found_without_being_registered(seed: int) -> None:
    redactor = Redactor()
    for kind, token in canaries.tokens(seed).items():
        for around in ("x {} y\n", '{{"v": "{}"}}', "v={}", "\x1b[1m{}\x1b[0m"):
            found = redactor.text(around.format(token))
            assert not any(line in found for line in token.splitlines() if len(line) > 15), (kind, found)
    for line, value in canaries.named(seed).items():
        for around in ("{}", "{}\nnext", "2026-01-02 12:00:00 INFO {}\n"):
            assert value not in redactor.text(around.format(line)), line


def test_a_hundred_thousand_harmless_lines_stay_as_they_are() -> None:
    redactor = knowing(canaries.make(7, 48))
    changed = [line for line in harmless.lines(1, 100_000) if redactor.text(line) != line]
    assert len(changed) <= 100, changed[:5]


def test_commit_ids_stay_whatever_is_registered() -> None:
    rng = random.Random(3)
    commits = "\n".join(f"commit {harmless.commit(rng)}" for _ in range(20_000))
    assert knowing(canaries.make(7, 48)).text(commits) == commits


@pytest.mark.parametrize("value", ["production", "true", "3000", "localhost", "Asia/Tokyo", "127.0.0.1", "/srv/app/logs", "http://localhost:3000/health"])  # fmt: skip
def test_ordinary_values_of_an_environment_stay_readable(value: str) -> None:
    redactor = Redactor()
    redactor.learn({"SOMETHING": value, "DB_PASSWORD": "s3cret-s3cret"})
    assert redactor.text(f"it is {value} now, s3cret-s3cret") == f"it is {value} now, {MARK}"


def test_the_password_of_an_address_and_the_lines_of_a_key_are_secrets_of_their_own() -> None:
    key = "\n".join("AbCdEfGhIjKlMnOp" * 4 + str(n) for n in range(3))
    redactor = Redactor()
    redactor.learn(
        {
            "DATABASE_URL": "postgres://app:p4ssw0rd%21x@db/x",
            "SERVICE": '{"private_key": "JsonJson1234"}',
            "KEY": key,
        }
    )
    for secret in ("p4ssw0rd%21x", "p4ssw0rd!x", "JsonJson1234", key.splitlines()[1]):
        assert secret not in redactor.text(f"a {secret} b")


def test_a_hash_is_a_secret_where_its_name_says_so() -> None:
    value = "0123456789abcdef" * 4
    redactor = Redactor()
    redactor.learn({"GIT_COMMIT": "a" * 40, "JWT_SECRET": value})
    assert redactor.text(f"{value} {'a' * 40}") == f"{MARK} {'a' * 40}"


def test_values_that_stand_in_the_template_are_public() -> None:
    redactor = Redactor(["oauth2-proxy"], public_text="equals: {AUTH_MODE: oauth2-proxy}")
    assert redactor.text("AUTH_TOKEN=oauth2-proxy oauth2-proxy") == "AUTH_TOKEN=oauth2-proxy oauth2-proxy"


def test_a_secret_that_is_split_over_the_texts_of_a_list_is_found() -> None:
    secret = "Zx9-split-in-two-halves"
    text = "a" * 1990 + secret
    pieces = [
        {"type": "text", "text": {"content": text[:2000]}},
        {"type": "text", "text": {"content": text[2000:]}},
    ]
    found = Redactor([secret]).data(pieces)
    assert found == [
        {"type": "text", "text": {"content": "a" * 1990 + MARK}},
        {"type": "text", "text": {"content": ""}},
    ]


def test_structured_data_tells_secrets_by_their_keys() -> None:
    found = Redactor().data(
        {"user": "app", "password": "letmein", "nested": [{"api_key": "abcdef"}], "token_type": "bearer"}
    )
    assert found == {"user": "app", "password": MARK, "nested": [{"api_key": MARK}], "token_type": "bearer"}


@pytest.mark.parametrize("length", range(4, 14))
def test_the_beginning_of_a_secret_at_the_end_of_a_cut_text_goes_too(length: int) -> None:
    redactor = Redactor(["hunter2hunter2"])
    assert redactor.text(f"log {'hunter2hunter2'[:length]}", cut=True) == f"log {MARK}"
    assert redactor.text("log hunter", cut=False) == "log hunter"


SPLIT = canaries.make(11, 6)
ODDS = ("\x1b[31m", "\x1b[0m", "\x1b", "\n", "\r\n", "\r", "    ", "\0", "%", "%4", "\\", "\\u00", "&am", "&#6", "password=", '"token": "', "-----BEGIN RSA PRIVATE KEY-----\n", "Bearer ", "://a:", "日本語", "\x1b]0;title\x07", "ntn_", "ey")  # fmt: skip
ENCODED = [encode(secret, random.Random(1)) for secret in SPLIT for encode in canaries.ENCODINGS.values()]
PIECES = st.sampled_from([*SPLIT, *ENCODED, *canaries.tokens(1).values(), *canaries.named(1), *ODDS])
STREAM = knowing(SPLIT)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.one_of(PIECES.map(str.encode), st.binary(max_size=8)), max_size=8).map(b"".join),
    st.lists(st.integers(1, 60), min_size=1, max_size=30),
)
def test_however_a_stream_is_cut_it_comes_out_as_the_whole(data: bytes, sizes: list[int]) -> None:
    whole = STREAM.stream()
    expected = whole.feed(data) + whole.finish()
    stream, out, at, turn = STREAM.stream(), b"", 0, 0
    while at < len(data):
        out += stream.feed(data[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
    assert out + stream.finish() == expected
    canaries.assert_absent(SPLIT, texts=[expected])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PIECES.map(str.encode), st.binary(max_size=8)), max_size=8).map(b"".join))
def test_what_was_redacted_once_is_not_changed_again(data: bytes) -> None:
    once = STREAM.stream()
    clean = once.feed(data) + once.finish()
    again = STREAM.stream()
    assert canaries_free(again.feed(clean) + again.finish())


def canaries_free(data: bytes) -> bool:
    canaries.assert_absent(SPLIT, texts=[data])
    return True


@pytest.mark.parametrize("prompt", ["$ ", "mysql> ", "Continue? [y/N] ", "Password: ", "[sudo] password for deploy: ", "\x1b[32m?\x1b[0m Sure? ", "日本語です。 "])  # fmt: skip
def test_a_prompt_is_shown_at_once(prompt: str) -> None:
    stream = STREAM.stream()
    assert stream.feed(prompt.encode()) + stream.pause() == prompt.encode()


def test_a_prompt_that_ends_in_a_word_is_shown_after_a_pause() -> None:
    stream = STREAM.stream()
    assert stream.feed(b"Type yes to continue") + stream.pause() == b"Type yes to continue"
    assert stream.feed(b"\nyes\n") + stream.finish() == b"\nyes\n"


def test_a_pause_within_a_secret_shows_no_more_than_its_first_bytes() -> None:
    for cut in range(1, 14):
        stream = Redactor(["hunter2hunter2"]).stream()
        out = stream.feed(b"it is " + b"hunter2hunter2"[:cut]) + stream.pause()
        out += stream.feed(b"hunter2hunter2"[cut:] + b" now\n") + stream.finish()
        assert b"hunte" not in out
        assert out.endswith(MARK.encode() + b" now\n")


def test_colours_and_binary_output_come_through() -> None:
    data = b"\x1b[32mok\x1b[0m \xff\xfe\x00\x01 caf\xc3\xa9\r\n" + bytes(range(256)) + b"\n"
    stream = STREAM.stream()
    assert stream.feed(data) + stream.finish() == data


@pytest.mark.parametrize(
    "piece",
    [b"x", b"ab12", b"a b ", b"\x1b[1m", b"%41", b"\\", b"token=", b"eyJhbGciOiJ", b"/+A=", b"\n", b"\x1b[1m\n"],
)
def test_memory_stays_small_on_a_line_without_end(piece: bytes) -> None:
    stream = STREAM.stream()
    chunk = piece * (65536 // len(piece))
    size = sum(len(stream.feed(chunk)) for _ in range(4))
    tracemalloc.start()
    try:
        size += sum(len(stream.feed(chunk)) for _ in range(16))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert size > 0
