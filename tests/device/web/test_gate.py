"""What every request has to pass, tried over HTTP on the real server."""

import http.client
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from pages import serving_page
from starlette.routing import Mount, Route

from cardscanner.web.app import every_route
from cardscanner.web.gate import LARGEST_BODY_BYTES

PUBLIC = {"/api/me", "/claim-code", "/health/live", "/health/ready", "/metrics"}
WITHOUT_LOGIN = {"/api/claim", "/api/login"}
WRITING = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with serving_page(tmp_path_factory.mktemp("gate")) as page:
        yield page


def every_path(page) -> list[tuple[str, str]]:
    """All methods and paths of the page, with something in place of each parameter."""
    found = []
    for route in every_route(page.room):
        assert isinstance(route, Route), route
        path = "/".join("01" if part.startswith("{") else part for part in route.path.split("/"))
        found += [(method, path) for method in route.methods]
    assert len(found) > 25
    return found


def test_nothing_is_told_or_changed_without_a_login(page):
    with page.client(None) as nobody:
        for method, path in every_path(page):
            if (method in WRITING and path in WITHOUT_LOGIN) or (method not in WRITING and path in PUBLIC):
                continue
            assert nobody.request(method, path).status_code == 401, (method, path)
        for method in WRITING:
            for path in ("/", "/api/me", "/static/main.js", "/health/live", "/nowhere"):
                assert nobody.request(method, path).status_code == 401, (method, path)


def test_a_viewer_changes_nothing_but_his_own_password_and_login(page):
    own = {"/api/logout", "/api/password"}
    with page.client("bob") as viewer:
        for method, path in every_path(page):
            if method in WRITING and path not in WITHOUT_LOGIN | own:
                assert viewer.request(method, path, json={}).status_code == 403, (method, path)
        for path in ("/api/users", "/api/settings"):
            assert viewer.get(path).status_code == 403


def test_a_write_without_the_token_of_its_login_is_refused(page):
    with page.client("ada", **{"X-CSRF-Token": "wrong"}) as client:
        del client.headers["X-CSRF-Token"]
        for token in (None, "", "wrong", "ä"):
            headers = {} if token is None else {b"X-CSRF-Token": token.encode()}
            for method, path in every_path(page):
                if method in WRITING and path not in WITHOUT_LOGIN:
                    answer = client.request(method, path, json={}, headers=headers)
                    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf"), path


def test_a_form_of_another_page_cannot_write(page):
    with page.client("ada") as client:
        answer = client.post("/api/scanning", content="on=false", headers={"Content-Type": "text/plain"})
        assert answer.status_code == 415
        answer = client.post("/api/scanning", json={"on": True}, headers={"Origin": "http://evil.example"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_origin")
        assert (
            client.post("/api/scanning", json={"on": True}, headers={"Origin": page.url}).status_code == 200
        )
        assert client.post("/api/scanning", json={"on": True}, headers={"Origin": "null"}).status_code == 403


def test_another_host_is_refused_before_anything_is_told(page):
    for path in ("/", "/api/me", "/health/live", "/metrics", "/static/main.js"):
        answer = httpx.get(page.url + path, headers={"Host": "evil.example"})
        assert answer.status_code == 421
        assert "web.names" in answer.json()["error"]["message"]


def test_every_answer_carries_what_protects_the_page(page):
    with page.client("ada") as client:
        for path in ("/", "/static/main.js", "/api/me", "/api/state", "/nowhere", "/health/live"):
            headers = client.get(path).headers
            assert "default-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["cache-control"] == ("no-cache" if path[:2] in ("/", "/s") else "no-store"), path
            assert "server" not in headers


def test_a_body_that_is_too_large_is_refused_also_when_it_does_not_say_so(page):
    with page.client("ada") as client:
        big = b'{"on": "' + b"x" * LARGEST_BODY_BYTES + b'"}'
        assert client.post("/api/scanning", content=big).status_code == 413
        answer = client.post(
            "/api/scanning", content=(big[at : at + 4096] for at in range(0, len(big), 4096))
        )
        assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 60_000, b"null", b"[]", b'{"on": 1e999}', b'{"on": 1}']
)
def test_a_body_that_is_no_such_request_is_refused_in_words(page, body):
    with page.client("ada") as client:
        answer = client.post("/api/scanning", content=body)
        assert answer.status_code in (400, 422)
        assert answer.json()["error"]["message"]


PATHS = (
    *(
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2fconfig.py",
    ),
    *("/static//etc/passwd", "/static/....//app.py", "/static/%00", "/static/..\\app.py", "//etc/passwd"),
    *("/api/scans/../../etc/passwd/photo.jpg", "/api/cards/..%2f..%2fetc%2fpasswd/picture.jpg"),
)


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_the_page(page, path):
    link = http.client.HTTPConnection("127.0.0.1", urlsplit(page.url).port, timeout=10)
    token, _ = page.logins.begin("ada")
    link.request("GET", path, headers={"Cookie": f"cardscanner_session={token}"})
    answer = link.getresponse()
    body = answer.read()
    assert answer.status in (404, 422), body
    assert b"root:" not in body
    assert b"import" not in body
    link.close()


def test_fifty_connections_that_say_nothing_do_not_stop_the_page(page):
    address = ("127.0.0.1", urlsplit(page.url).port)
    dangling = [socket.create_connection(address, timeout=20) for _ in range(50)]
    try:
        for each in dangling[:25]:
            each.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert httpx.get(f"{page.url}/health/live", timeout=5).status_code == 200
        end_s = time.monotonic() + 20
        for each in dangling:
            each.settimeout(max(0.1, end_s - time.monotonic()))
            assert each.recv(1) in (b"", b"H")  # closed, or told why first
    finally:
        for each in dangling:
            each.close()


def test_static_files_are_only_those_of_the_page(page):
    assert not [route for route in every_route(page.room) if isinstance(route, Mount)]
