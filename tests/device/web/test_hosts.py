from hypothesis import given
from hypothesis import strategies as st

from cardscanner.web.hosts import Hosts

HOSTS = Hosts(("Cards.Example.com",), machine="box1.lan")


def test_addresses_the_machines_own_names_and_configured_ones_are_ours():
    for host in (
        *("127.0.0.1", "192.168.1.20:8080", "[fe80::1]", "[::1]:8080", "localhost:8080"),
        *("box1", "BOX1.lan", "box1.local:8080", "cards.example.com", "localhost."),
    ):
        assert HOSTS.allow(host), host


def test_names_of_others_are_not_ours():
    for host in ("", "evil.example", "localhost.evil.example", "box1.evil", "127.0.0.1.evil.example", "[::1"):
        assert not HOSTS.allow(host), host


@given(st.text(max_size=60))
def test_any_text_is_answered_and_only_known_names_pass(text):
    allowed = HOSTS.allow(text)
    assert allowed in (True, False)
    if allowed:
        assert text.isascii()
        assert not set(text) & set(" /@\\?#\r\n\t")
