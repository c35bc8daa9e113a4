"""What a log line may not tell, wherever it stands."""

import base64
import json

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.logs import OnlyHere, configure_logs, hide_in_text, hide_secrets
from cardscanner.logs.hiding import is_secret

KEYS = [
    "password", "mqtt_password", "passwd", "passphrase", "secret", "client-secret", "token", "csrf_token", "X-CSRF-Token",
    "access_token", "credential", "private_key", "privateKey", "api_key", "apikey", "API-Key", "signing_key", "Authorization",
    "Proxy-Authorization", "cookie", "Set-Cookie", "cardscanner_session", "claim_code", "claim code",
]  # fmt: skip
TEXTS = [
    "password={}", "password = '{}'", 'config: {{"mqtt": {{"password": "{}"}}}}', "{{'api_key': '{}', 'host': 'a'}}",
    "mqtt_password: {} is wrong", "GET /x?token={}&page=2 failed", "Authorization: Bearer {}", "authorization: Basic {}",
    "headers={{'Authorization': 'Bearer {}'}}", "Cookie: theme=dark; cardscanner_session={}", "Set-Cookie: cardscanner_session={}; HttpOnly",
    "X-CSRF-Token: {}", "X-Api-Key: {}", "mqtt://box:{}@broker:1883", "rtsp://{}:pw@cam/1 timed out", "the claim code: {}",
    "claim_code={}", "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----\n{}",
    '{{\\"password\\": \\"{}\\"}}', "Config(host='a', password='{}', port=1)", "bearer {} was refused",
]  # fmt: skip
SECRETS = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_-.~", min_size=8, max_size=60
).map("Q9z".__add__)
WORDS = st.text("äöü ÄÖ(),.;", max_size=20)


def wrapped(value, place):
    """Bury a value: each step is a list, a mapping, or a tuple around it."""
    for step in place:
        value = {0: [value, 1], 1: {"x": value, "y": None}, 2: (0.5, value)}[step]
    return value


PLACES = st.lists(st.integers(0, 2), max_size=6)


def line_of(**fields):
    event = hide_secrets(None, "info", {"event": "x", **fields})
    return structlog.processors.JSONRenderer(default=str)(None, "info", dict(event))


@settings(max_examples=300, deadline=None)
@given(key=st.sampled_from(KEYS), secret=SECRETS, place=PLACES, inner=PLACES)
def test_a_value_under_a_secret_key_never_comes_out_at_any_depth(key, secret, place, inner):
    assert secret not in line_of(field=wrapped({key: wrapped(secret, inner)}, place))


@settings(max_examples=400, deadline=None)
@given(text=st.sampled_from(TEXTS), secret=SECRETS, place=PLACES, before=WORDS, after=WORDS)
def test_a_secret_in_running_text_never_comes_out_at_any_depth(text, secret, place, before, after):
    told = f"{before} {text.format(secret)} {after}"
    assert secret not in line_of(event=told)
    assert secret not in line_of(field=wrapped(told, place))
    assert secret not in line_of(error=OSError(told))
    assert secret not in line_of(field=wrapped({told: 1}, place))


@settings(max_examples=40, deadline=None)
@given(picture=st.binary(min_size=400, max_size=2000), place=PLACES)
def test_pictures_never_come_out_as_bytes_or_as_text(picture, place):
    for text in (
        base64.b64encode(picture).decode(),
        base64.urlsafe_b64encode(picture).decode(),
        base64.encodebytes(picture).decode(),
        f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}",
        repr(picture),
        json.dumps({"photo": base64.b64encode(picture).decode()}),
    ):
        assert len(line_of(field=wrapped(f"said {text} here", place))) < 250
    for buffer in (picture, bytearray(picture), memoryview(picture)):
        assert f"({len(picture)} bytes)" in line_of(field=wrapped(buffer, place))


@pytest.mark.parametrize(
    "text",
    [
        "cardscanner.yaml, line 12: publish.password_file: cannot be read: No such file or directory",
        "wrong password",
        "sha256 " + "0123456789abcdef" * 4,
        "/opt/cardscanner/models/cardnet/0.2.0/model.onnx is missing",
        "mail me@example.org about mqtt://broker:1883/a@b",
        "the tokenizer is not used; basic is fine, bearer too",
        "key decide.min_frames: allowed are 1 to 100",
        "session 3 has 250 cards",
    ],
)
def test_what_helps_a_reader_stays(text):
    assert hide_in_text(text) == text


@pytest.mark.parametrize(
    "key", ["password_file", "key_file", "api_key_file", "card", "session", "keys", "path", "monkey"]
)
def test_keys_that_only_sound_alike_stay(key):
    assert not is_secret(key)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_survives_hiding_and_hiding_again_changes_nothing(text):
    once = hide_in_text(text)
    assert hide_in_text(once) == once


@pytest.mark.parametrize(
    "text", ["password=" * 3000, "://" * 5000, "a@" * 5000, "\\" * 9000, "eyJ" + "a" * 9000, '"' * 9000]
)
def test_hostile_text_takes_no_time(text):
    assert isinstance(hide_in_text(text), str)


def test_a_code_that_is_only_for_this_machine_is_told_here_and_nowhere_else(capsys):
    heard = []
    configure_logs(shape="json", tap=lambda _logger, _method, event: heard.append(dict(event)) or event)
    structlog.get_logger().warning("nobody has claimed this box", claim_code=OnlyHere("ABCD-1234"))
    structlog.reset_defaults()
    assert json.loads(capsys.readouterr().out)["claim_code"] == "ABCD-1234"
    assert heard[0]["claim_code"] == "(hidden)"
    assert "ABCD" not in f"{OnlyHere('ABCD-1234')!r} {OnlyHere('ABCD-1234')}"


def test_a_code_that_is_buried_is_hidden_here_too(capsys):
    configure_logs(shape="json")
    structlog.get_logger().warning("x", config={"claim": [OnlyHere("ABCD-1234")]})
    structlog.reset_defaults()
    assert "ABCD" not in capsys.readouterr().out
