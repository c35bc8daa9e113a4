"""The page in the real daemon: starts, reloads, ends; a port that is taken; HTTPS."""

import json
import socket
import ssl
import time
import urllib.request

import httpx
import pytest
from brokers import free_port
from certificates import Authority
from daemons import QUICK, Daemon, looping
from small_scanner import small_scanner


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path)


def served(scanner, **web):
    """Write a configuration with a page; return it and the page's port."""
    port = free_port()
    return scanner.config(
        camera=looping(paced=True, fps=10), decide=QUICK, web={"host": "127.0.0.1", "port": port, **web}
    ), port


def claim(daemon, port) -> httpx.Client:
    code = daemon.await_line("nobody owns this scanner yet: open its page and enter the code")["code"]
    url = f"http://127.0.0.1:{port}"
    body = {"code": code, "name": "ann", "password": "long enough"}
    answer = httpx.post(f"{url}/api/claim", json=body)
    token = {"X-CSRF-Token": answer.json()["csrf"]}
    return httpx.Client(base_url=url, cookies=answer.cookies, headers=token, timeout=20)


def test_a_login_and_the_port_outlive_a_reload_and_open_streams_do_not_hold_the_stop(scanner):
    config, port = served(scanner)
    with Daemon(config) as daemon:
        daemon.await_line("the page is served")
        with claim(daemon, port) as browser, browser.stream("GET", "/api/stream") as events:
            assert events.status_code == 200
            daemon.ask_to_reload()
            daemon.await_line("the page is served", 2)
            assert browser.get("/api/me").json()["user"]["name"] == "ann"
            assert browser.post("/api/scanning", json={"on": False}).status_code == 200
            with browser.stream("GET", "/live.mjpeg") as live:
                assert live.status_code == 200
                begin_s = time.monotonic()
                assert daemon.stop() == 0
                assert time.monotonic() - begin_s < 5
        assert not daemon.said("threads did not end in time")


def test_a_port_that_is_taken_keeps_nobody_from_scanning_and_is_tried_again(scanner):
    config, port = served(scanner)
    with socket.create_server(("127.0.0.1", port)) as taken, Daemon(config) as daemon:
        assert "in use" in daemon.await_line("the page is away; it is tried again")["error"]
        daemon.await_line("card decided")
        taken.close()
        daemon.await_line("the page is served", timeout_s=20)
        assert httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
        assert daemon.stop() == 0


def test_the_page_over_https_with_a_cookie_for_https_alone(scanner):
    authority = Authority(scanner.root / "ca")
    made = authority.issue("page")
    config, port = served(scanner, tls={"cert_file": str(made.cert), "key_file": str(made.key)})
    with Daemon(config) as daemon:
        daemon.await_line("the page is served")
        code = daemon.said("nobody owns this scanner yet: open its page and enter the code")[0]["code"]
        trust = ssl.create_default_context(cafile=authority.cert)
        body = {"code": code, "name": "ann", "password": "long enough"}
        request = urllib.request.Request(
            f"https://127.0.0.1:{port}/api/claim",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
            assert "Secure" in answer.headers["set-cookie"]
        assert daemon.stop() == 0


def test_certificates_that_cannot_be_used_are_a_mistake_in_the_configuration(scanner):
    (scanner.root / "page.pem").write_text("no certificate")
    config, _ = served(scanner, tls={"cert_file": "page.pem", "key_file": "page.pem"})
    with Daemon(config) as daemon:
        assert daemon.end() == 78
        assert "web.tls" in daemon.tail()


def test_a_box_without_a_page_does_not_load_its_libraries(scanner):
    import subprocess
    import sys

    code = "import sys, cardscanner.daemon; print([n for n in ('starlette', 'uvicorn', 'prometheus_client') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
