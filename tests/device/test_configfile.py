"""Every mistake that a person can make in the configuration file is explained: file, line, key, what is allowed."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from cardscanner import config as sections
from cardscanner.config import Config, MqttConfig, PicameraConfig, ReplayConfig, TlsConfig
from cardscanner.configfile import load_config
from cardscanner.errors import ConfigError

GOOD = """\
# a box
device_id: box-1
game: pokemon
camera:
  backend: picamera2
  name: top
  width: 1920
  height: 1080
  fps: 12.5
  controls:
    ExposureTime: 8000
    AeEnable: false
    ColourGains: [1.5, 2]
  timeout_s: 4
  retry_s: 1
finder:
  backend: contours
  max_cards: 9
  min_confidence: 0.4
  whole_picture: true
embedder:
  backend: onnx
  model: models/one
  threads: 3
index:
  backend: exact
  database: /srv/db
  search_k: 500
decide:
  threshold: 0.3
  print_gap: 0.02
  min_frames: 2
  max_frames: 8
  gone_s: 1.5
  report_no_match: yes
  top: 3
outbox:
  path: state/outbox.db
  max_bytes: 10000000
  max_rows: 1000
publish:
  backend: mqtt
  host: broker.local
  port: 8883
  protocol: "5"
  username: box
  password_file: ../password
  tls:
    ca_file: ca.pem
  keepalive_s: 20
  window: 10
  max_per_s: 50
  unheard: keep
  state_every_s: 15
log:
  level: debug
  format: json
"""


@dataclass(frozen=True)
class Mistake:
    """One edit of the good file, and what must be said about it."""

    name: str
    find: str
    put: str
    line_with: str | None
    """The line that must be named is the one with this text after the edit (``None``: line 1)."""
    says: str
    key: str = ""


MISTAKES = [
    # unknown keys, at every level
    Mistake("top_level", "game: pokemon", "gmae: pokemon", "gmae", "unknown key; did you mean game", "gmae"),
    Mistake("camera", "fps: 12.5", "fpss: 12.5", "fpss", "unknown key; did you mean fps", "camera.fpss"),
    Mistake("finder", "max_cards", "maxcards", "maxcards", "unknown key; did you mean max_cards"),
    Mistake("embedder", "threads: 3", "thread: 3", "thread: 3", "unknown key; did you mean threads"),
    Mistake("of_the_other_backend", "threads: 3", "timeout_ms: 3", "timeout_ms", "allowed here: backend, model, threads"),
    Mistake("index", "search_k", "searchk", "searchk", "unknown key", "index.searchk"),
    Mistake("decide", "gone_s", "gone_ms", "gone_ms", "unknown key; did you mean gone_s", "decide.gone_ms"),
    Mistake("outbox", "max_rows", "rows", "  rows:", "unknown key", "outbox.rows"),
    Mistake("publish", "  host:", "  hosts:", "hosts:", "unknown key; did you mean host", "publish.hosts"),
    Mistake("tls", "ca_file", "cafile", "cafile", "allowed here: ca_file, cert_file, key_file", "publish.tls.cafile"),
    Mistake("log", "  format: json", "  colour: red", "colour", "allowed here: level, format", "log.colour"),
    Mistake("password_in_the_file", "password_file: ../password", "password: hunter2", "password:", "unknown key"),
    # missing keys: the section is named
    Mistake("no_camera", GOOD[GOOD.index("camera:") : GOOD.index("finder:")], "", None, "this key is needed", "camera"),
    Mistake("no_backend", "  backend: onnx\n", "", "embedder:", "allowed: onnx, hailo", "embedder.backend"),
    Mistake("no_model", "  model: models/one\n", "", "embedder:", "this key is needed", "embedder.model"),
    Mistake("no_database", "  database: /srv/db\n", "", "index:", "this key is needed", "index.database"),
    Mistake("no_publish", GOOD[GOOD.index("publish:") : GOOD.index("log:")], "", None, "this key is needed", "publish"),
    # unknown backends
    Mistake("camera_backend", "picamera2", "gphoto", "gphoto", "allowed: 'picamera2', 'opencv', 'replay'", "camera.backend"),
    Mistake("embedder_backend", "backend: onnx", "backend: coral", "coral", "allowed: 'onnx', 'hailo'", "embedder.backend"),
    Mistake("publish_backend", "backend: mqtt", "backend: kafka", "kafka", "allowed: 'mqtt', 'stdout'", "publish.backend"),
    Mistake("index_backend", "backend: exact", "backend: faiss", "faiss", "'int8', 'ivf' or 'qdrant'", "index.backend"),
    Mistake("finder_backend", "backend: contours", "backend: yolo", "yolo", "'contours'", "finder.backend"),
    Mistake("empty_backend", "backend: onnx", "backend:", "  backend:\n  model", "allowed: 'onnx', 'hailo'"),
    Mistake("backend_in_capitals", "backend: onnx", "backend: ONNX", "ONNX", "allowed: 'onnx', 'hailo'"),
    # wrong types
    Mistake("word_for_a_number", "port: 8883", "port: mqtt", "port:", "valid integer", "publish.port"),
    Mistake("fraction_for_a_whole_number", "port: 8883", "port: 1.5", "port:", "valid integer", "publish.port"),
    Mistake("yes_for_a_number", "port: 8883", "port: yes", "port:", "mean nothing here", "publish.port"),
    Mistake("no_for_a_speed", "fps: 12.5", "fps: no", "fps:", "mean nothing here", "camera.fps"),
    Mistake("list_for_a_number", "width: 1920", "width: [1920]", "width:", "valid integer", "camera.width"),
    Mistake("number_for_a_word", "game: pokemon", "game: 7", "game:", "valid string", "game"),
    Mistake("date_for_a_word", "game: pokemon", "game: 2026-11-22", "game:", "valid string", "game"),
    Mistake("word_for_yes", "whole_picture: true", "whole_picture: maybe", "whole_picture", "valid boolean"),
    Mistake("list_for_a_section", "log:\n  level: debug\n  format: json", "log: [debug]", "log:", "`key: value`", "log"),
    Mistake("empty_section", "log:\n  level: debug\n  format: json", "log:", "log:", "`key: value`", "log"),
    Mistake("word_for_a_camera", GOOD[GOOD.index("camera:") : GOOD.index("finder:")], "camera: top\n", "camera:", "`key: value`", "camera"),
    Mistake("empty_path", "model: models/one", "model:", "model:", "path", "embedder.model"),
    Mistake("mapping_for_a_control", "ExposureTime: 8000", "ExposureTime: {a: 1}", "ExposureTime", "valid number, or:", "camera.controls.ExposureTime"),
    # out of range
    Mistake("port_0", "port: 8883", "port: 0", "port:", "greater than or equal to 1", "publish.port"),
    Mistake("port_65536", "port: 8883", "port: 65536", "port:", "less than or equal to 65535", "publish.port"),
    Mistake("protocol_4", 'protocol: "5"', "protocol: 4", "protocol:", "'5' or '3.1.1' (given: '4')", "publish.protocol"),
    Mistake("bad_device_id", "device_id: box-1", "device_id: Box_1", "device_id", "[a-z0-9-]", "device_id"),
    Mistake("slash_in_device_id", "device_id: box-1", "device_id: a/b", "device_id", "[a-z0-9-]", "device_id"),
    Mistake("device_id_too_long", "device_id: box-1", f"device_id: {'a' * 33}", "device_id", "[a-z0-9-]", "device_id"),
    Mistake("line_break_in_device_id", "device_id: box-1", 'device_id: "a\\n"', "device_id", "[a-z0-9-]", "device_id"),
    Mistake("no_game", "game: pokemon", 'game: ""', "game:", "at least 1 character", "game"),
    Mistake("no_frames_a_second", "fps: 12.5", "fps: 0", "fps:", "greater than 0", "camera.fps"),
    Mistake("negative_time", "gone_s: 1.5", "gone_s: -1", "gone_s", "greater than 0", "decide.gone_s"),
    Mistake("endless_time", "timeout_s: 4", "timeout_s: .inf", "timeout_s", "finite", "camera.timeout_s"),
    Mistake("a_day_for_seconds", "timeout_s: 4", "timeout_s: 86400", "timeout_s", "3600", "camera.timeout_s"),
    Mistake("no_number_as_threshold", "threshold: 0.3", "threshold: .nan", "threshold", "finite", "decide.threshold"),
    Mistake("confidence_in_percent", "min_confidence: 0.4", "min_confidence: 40", "min_confidence", "less than or equal to 1"),
    Mistake("unknown_level", "level: debug", "level: verbose", "level:", "'debug', 'info', 'warning' or 'error'", "log.level"),
    Mistake("window_too_wide", "window: 10", "window: 21", "window:", "less than or equal to 20", "publish.window"),
    Mistake("outbox_too_small", "max_bytes: 10000000", "max_bytes: 10", "max_bytes", "greater than or equal to", "outbox.max_bytes"),
    # keys that do not fit each other
    Mistake("more_least_than_most_frames", "min_frames: 2", "min_frames: 9", "min_frames", "larger than max_frames (9 > 8)", "decide.min_frames"),
    Mistake("least_frames_above_the_default", "min_frames: 2\n  max_frames: 8", "min_frames: 20", "min_frames", "(20 > 12)", "decide.min_frames"),
    Mistake("keep_without_mqtt_5", 'protocol: "5"', "protocol: 3.1.1", "unheard", "needs protocol: 5", "publish.unheard"),
    Mistake("password_without_user", "  username: box\n", "", "password_file", "needs username", "publish.password_file"),
    # YAML itself
    Mistake("key_twice", "game: pokemon", "game: pokemon\ngame: mtg", "game: mtg", "stands here twice", "game"),
    Mistake("nested_key_twice", "  top: 3", "  top: 3\n  top: 4", "top: 4", "stands here twice (first in line", "decide.top"),
    Mistake("tab", "  level: debug", "\tlevel: debug", "level: debug", "not valid YAML"),
    Mistake("bad_indent", "  level: debug", "   level: debug", "format: json", "not valid YAML"),
    Mistake("open_bracket", "[1.5, 2]", "[1.5, 2", "[1.5, 2", "not valid YAML"),
    Mistake("open_quote", 'protocol: "5"', 'protocol: "5', "protocol:", "not valid YAML"),
    Mistake("colon_in_a_value", "host: broker.local", "host: a: b", "host:", "not valid YAML"),
    Mistake("bell", "game: pokemon", "game: poke\x07mon", "mon", "unprintable character #x0007"),
    Mistake("number_as_key", "game: pokemon", "1: pokemon", "1: pokemon", "a key must be a word", "1"),
    Mistake("yes_as_key", "game: pokemon", "yes: pokemon", "yes: pokemon", "a key must be a word", "yes"),
    Mistake("list_as_key", "game: pokemon", "? [a, b]\n: c", "? [a", "a key must be a word"),
    Mistake("impossible_date", "game: pokemon", "game: 2026-13-45", "game:", "put quotes around it"),
    Mistake("number_with_5000_digits", "port: 8883", f"port: {'9' * 5000}", "port:", "put quotes around it"),
    Mistake("tag", "game: pokemon", "game: !mine pokemon", "game:", "are not used here"),
    Mistake("python_tag", "game: pokemon", "game: !!python/object/apply:os.getcwd []", "game:", "are not used here"),
    Mistake("alias_to_itself", "game: pokemon", "game: &a [*a]", "game:", "are not used here"),
    Mistake("two_documents", "log:", "---\nlog:", "---", "another document"),
    Mistake("thousands_of_brackets", "game: pokemon", f"game: {'[' * 5000}{']' * 5000}", "game:", "levels deep"),
]  # fmt: skip


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.exit_code == 78
    return str(caught.value)


def line_of(text: str, part: str | None) -> int:
    return 1 if part is None else text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_named_with_file_line_key_and_what_is_allowed(tmp_path, mistake):
    assert GOOD.count(mistake.find) >= 1
    text = GOOD.replace(mistake.find, mistake.put, 1)
    path = tmp_path / "box.yaml"
    path.write_bytes(text.encode())
    said = refusal(path)
    assert said.startswith(f"{path}, line {line_of(text, mistake.line_with)}: {mistake.key}"), said
    assert mistake.says in said
    assert "\n" not in said
    assert "hunter2" not in said


def test_every_mistake_of_a_file_is_told_at_once_in_the_order_of_the_lines(tmp_path):
    path = tmp_path / "box.yaml"
    path.write_text(
        GOOD.replace("port: 8883", "port: 0").replace("fps: 12.5", "fps: -1").replace("top: 3", "tpo: 3")
    )
    keys = re.findall(r", line \d+: ([a-z.]+):", refusal(path))
    assert keys == ["camera.fps", "decide.tpo", "publish.port"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file must hold `key: value` lines"),
        (b"# only a comment\n", "the file must hold `key: value` lines"),
        (b"- a\n- b\n", "the file must hold `key: value` lines"),
        (b"hello\n", "the file must hold `key: value` lines"),
        (b"~\n", "the file must hold `key: value` lines"),
        (b"game: pokemon\ndevice_id: \xff\n", "line 2: not UTF-8 text"),
        ("game: pokemon\n".encode("utf-16"), "line 1: not UTF-8 text"),
        (b"game: poke\0mon\n", "unprintable character #x0000"),
    ],
    ids=["empty", "comment", "list", "word", "null", "latin-1", "utf-16", "nul"],
)
def test_a_file_that_is_no_configuration_at_all_is_refused(tmp_path, content, says):
    path = tmp_path / "box.yaml"
    path.write_bytes(content)
    said = refusal(path)
    assert str(path) in said
    assert says in said


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert (
        refusal(tmp_path / "none.yaml")
        == f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory"
    )
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


def test_a_file_with_every_section_loads(tmp_path):
    path = tmp_path / "box.yaml"
    path.write_text(GOOD)
    config = load_config(path)
    assert isinstance(config.camera, PicameraConfig)
    assert config.camera.controls == {"ExposureTime": 8000, "AeEnable": False, "ColourGains": (1.5, 2.0)}
    assert isinstance(config.publish, MqttConfig)
    assert (config.publish.port, config.publish.protocol, config.publish.unheard) == (8883, "5", "keep")
    assert config.decide.report_no_match
    assert (config.log.level, config.log.format) == ("debug", "json")


def test_relative_paths_are_seen_from_the_folder_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    path = tmp_path / "box.yaml"
    path.write_text(GOOD)
    config = load_config(path)
    assert config.embedder.model == tmp_path / "models/one"
    assert config.index.database == Path("/srv/db")
    assert config.outbox.path == tmp_path / "state/outbox.db"
    assert isinstance(config.publish, MqttConfig)
    assert config.publish.password_file == tmp_path / "../password"
    assert isinstance(config.publish.tls, TlsConfig)
    assert config.publish.tls.ca_file == tmp_path / "ca.pem"
    monkeypatch.chdir(tmp_path)
    assert load_config(Path("box.yaml")) == config


def test_a_systemd_credential_is_found_where_the_service_has_it(tmp_path, monkeypatch):
    path = tmp_path / "cardscanner.yaml"
    path.write_text(GOOD.replace("../password", "$CREDENTIALS_DIRECTORY/mqtt-password"))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/cardscanner.service")
    assert load_config(path).publish.password_file == Path(
        "/run/credentials/cardscanner.service/mqtt-password"
    )
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert load_config(path).publish.password_file == tmp_path / "$CREDENTIALS_DIRECTORY" / "mqtt-password"


def test_a_tilde_is_the_home_folder_in_every_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    path = tmp_path / "box.yaml"
    path.write_text(
        GOOD.replace("models/one", "~/one")
        .replace("/srv/db", "~nobody-here/db")
        .replace("ca.pem", "~/ca~1.pem")
    )
    config = load_config(path)
    assert config.embedder.model == Path("/home/somebody/one")
    assert config.index.database == tmp_path / "~nobody-here/db"
    assert config.publish.tls.ca_file == Path("/home/somebody/ca~1.pem")


@pytest.mark.parametrize(
    ("device", "meant"),
    [
        ("0", 0),
        ("/dev/video2", "/dev/video2"),
        ("rtsp://cam/stream", "rtsp://cam/stream"),
        ("street.mp4", "{folder}/street.mp4"),
    ],
)
def test_a_camera_device_is_a_number_an_address_or_a_path_from_the_folder_of_the_file(
    tmp_path, device, meant
):
    path = tmp_path / "box.yaml"
    camera = GOOD[GOOD.index("camera:") : GOOD.index("finder:")]
    path.write_text(GOOD.replace(camera, f"camera:\n  backend: opencv\n  device: {device}\n"))
    wanted = meant.format(folder=tmp_path) if isinstance(meant, str) else meant
    assert load_config(path).camera.device == wanted


@pytest.mark.parametrize("text", ["5", "3.1.1", '"5"', "'3.1.1'"])
def test_an_mqtt_version_may_be_written_as_a_number(tmp_path, text):
    path = tmp_path / "box.yaml"
    path.write_text(
        GOOD.replace('protocol: "5"', f"protocol: {text}").replace("unheard: keep", "unheard: accept")
    )
    publish = load_config(path).publish
    assert isinstance(publish, MqttConfig)
    assert publish.protocol == text.strip("\"'")


@pytest.mark.parametrize(
    "content", ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n")], ids=["byte order mark", "Windows"]
)
def test_a_file_from_a_windows_editor_loads_and_keeps_its_line_numbers(tmp_path, content):
    path = tmp_path / "box.yaml"
    path.write_bytes(content.encode())
    assert load_config(path).game == "pokemon"
    path.write_bytes(content.replace("port: 8883", "port: 0").encode())
    assert f", line {line_of(GOOD, 'port: 8883')}: publish.port" in refusal(path)


def test_the_sample_configuration_loads_and_shows_the_true_defaults():
    path = Path(__file__).parents[2] / "docs" / "cardscanner.yaml"
    config = load_config(path)
    examples = {"device_id", "controls", "model", "database", "username", "password_file", "source"}
    for section in (config, config.camera, config.finder, config.embedder, config.index, config.decide,
                    config.outbox, config.publish, config.corrections, config.updates, config.log):  # fmt: skip
        for key, field in type(section).model_fields.items():
            value = getattr(section, key)
            if key not in examples and not isinstance(value, BaseModel) and not field.is_required():
                assert value == field.get_default(call_default_factory=True), key


def test_the_sample_configuration_names_every_key_there_is():
    text = (Path(__file__).parents[2] / "docs" / "cardscanner.yaml").read_text()
    kinds = [
        each
        for each in vars(sections).values()
        if isinstance(each, type) and issubclass(each, Config.__mro__[1])
    ]
    assert ReplayConfig in kinds
    for kind in kinds:
        for key in kind.model_fields:
            assert re.search(rf"\b{key}:", text), f"{kind.__name__}.{key}"


LINES = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(GOOD.splitlines()),
        st.from_regex(r"[ ]{0,4}[a-z_]{1,8}: [\[\]{}&*!|>'\"%@`#,?:.0-9a-z-]{0,12}", fullmatch=True),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_whatever_the_file_holds_the_answer_is_a_configuration_or_an_explanation(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("config") / "box.yaml"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(load_config(path), Config)
    except ConfigError as error:
        assert str(error).startswith(f"{path}, line ")  # noqa: PT017 - either outcome is right


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_line_lost_or_doubled_or_garbled_is_never_a_crash(tmp_path_factory, data):
    lines = GOOD.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    change = data.draw(st.sampled_from(["lose", "double", "indent", "cut", "swap"]))
    line = lines[number]
    if change == "lose":
        del lines[number]
    elif change == "double":
        lines.insert(number, line)
    elif change == "indent":
        lines[number] = data.draw(st.sampled_from([" ", "  ", "\t"])) + line
    elif change == "cut":
        lines[number] = line[: data.draw(st.integers(0, len(line)))]
    else:
        other = data.draw(st.integers(0, len(lines) - 1))
        lines[number], lines[other] = lines[other], line
    path = tmp_path_factory.mktemp("config") / "box.yaml"
    path.write_text("\n".join(lines))
    try:
        assert isinstance(load_config(path), Config)
    except ConfigError as error:
        assert re.match(rf"{re.escape(str(path))}, line [1-9]", str(error))  # noqa: PT017
