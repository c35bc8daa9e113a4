"""Reading the index of versions: from a folder and over the network, within limits, with words for what is wrong."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.errors import CardscannerError, InputError, UpdateSourceAway
from cardscanner.updates import read_index
from cardscanner.updates.index import MAX_BYTES

RELEASE = {"kind": "database", "name": "pokemon", "version": "1.2.0"}
GOOD = {"format": 1, "releases": [RELEASE]}


def folder_with(tmp_path, index):
    (tmp_path / "index.json").write_bytes(index if isinstance(index, bytes) else json.dumps(index).encode())
    return str(tmp_path)


@contextmanager
def web(answer):
    """A web server on this machine; ``answer(handler)`` does one request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(handler, body, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def test_a_folder_is_read(tmp_path):
    (release,) = read_index(folder_with(tmp_path, GOOD), 1).releases
    assert (release.kind, release.name, release.version) == ("database", "pokemon", "1.2.0")


def test_what_a_newer_index_says_beside_it_is_no_mistake(tmp_path):
    index = {"format": 1, "signature": "x", "releases": [{**RELEASE, "sha256": "0", "size": 1}]}
    assert read_index(folder_with(tmp_path, index), 1).releases[0].version == "1.2.0"


def test_an_address_is_asked_once_for_its_index_and_told_who_asks():
    asked = []

    def answer(handler):
        asked.append((handler.path, handler.headers["User-Agent"].partition("/")[0]))
        say(handler, json.dumps(GOOD).encode())

    with web(answer) as address:
        assert read_index(f"{address}/cards/", 5).releases[0].version == "1.2.0"
    assert asked == [("/cards/index.json", "cardscanner")]


@pytest.mark.parametrize(
    ("index", "word"),
    [
        (b"", "the file"),
        (b"<html>", "the file"),
        (b"\xff\xfe", "the file"),
        ({"format": 2, "releases": []}, "format"),
        ({"format": 1}, "releases"),
        ({"format": 1, "releases": [{**RELEASE, "version": "newest"}]}, "releases.0.version"),
        ({"format": 1, "releases": [{**RELEASE, "kind": "virus"}]}, "releases.0.kind"),
        ({"format": 1, "releases": [{**RELEASE, "page": "javascript:alert(1)"}]}, "releases.0.page"),
        ({"format": 1, "releases": [RELEASE] * 1001}, "releases"),
        (b" " * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_index_is_refused_with_its_place(tmp_path, index, word):
    with pytest.raises(InputError, match=word) as caught:
        read_index(folder_with(tmp_path, index), 1)
    assert "index.json" in str(caught.value)


def test_a_folder_without_an_index_says_so(tmp_path):
    with pytest.raises(UpdateSourceAway, match=r"index\.json: cannot be read: No such file"):
        read_index(str(tmp_path), 1)


def test_nobody_there_is_said_with_the_address():
    with web(lambda handler: None) as address:
        pass
    with pytest.raises(UpdateSourceAway, match=f"{address}/index.json: cannot be reached: .*refused"):
        read_index(address, 1)


def test_an_error_of_the_server_is_told():
    with (
        web(lambda handler: say(handler, b"", 503)) as address,
        pytest.raises(UpdateSourceAway, match="answered 503"),
    ):
        read_index(address, 5)


def test_an_answer_without_end_is_cut_off():
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" " * 65536)
        except OSError:
            pass

    with web(answer) as address, pytest.raises(InputError, match="larger than"):
        read_index(address, 5)


def test_an_answer_that_drips_is_given_up():
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" ")
                time.sleep(0.05)
        except OSError:
            pass

    with web(answer) as address, pytest.raises(UpdateSourceAway, match="too long"):
        read_index(address, 0.2)


def test_a_server_that_says_nothing_is_given_up():
    done = threading.Event()
    with web(lambda handler: done.wait(10)) as address:
        with pytest.raises(UpdateSourceAway, match="timed out"):
            read_index(address, 0.2)
        done.set()


def test_a_server_that_speaks_no_http_is_an_error_with_words():
    with (
        web(lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n")) as address,
        pytest.raises(UpdateSourceAway),
    ):
        read_index(address, 5)


@pytest.mark.parametrize(
    "target", ["http://example.org/index.json", "file:///etc/passwd", "ftp://127.0.0.1/x"]
)
def test_a_redirection_to_where_others_can_read_along_is_not_followed(target):
    redirecting = web(lambda handler: say(handler, b"", 302, Location=target))
    with redirecting as address, pytest.raises(UpdateSourceAway, match=r"not https|not allowed|302"):
        read_index(address, 5)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_are_a_crash(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("index")
    with pytest.raises(CardscannerError):
        read_index(folder_with(folder, data), 1)
