"""The talk between the daemon and a process of its own."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.wire import HungUp, hear, say


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


@given(st.lists(st.one_of(st.text(), st.integers(), st.none(), st.booleans()), max_size=8))
def test_words_arrive_as_they_were_said(words):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        say(ours, *words)
        assert hear(theirs, 1) == words


def test_silence_is_none_and_zero_does_not_wait(ends):
    assert hear(ends[0], 0) is None
    assert hear(ends[0], 0.01) is None
    assert hear(ends[0], -1) is None


def test_last_words_are_heard_although_the_other_side_left_without_listening(ends):
    ours, theirs = ends
    say(ours, "want")
    say(theirs, "lost", "the cable came off")
    theirs.close()
    assert hear(ours, 1) == ["lost", "the cable came off"]
    with pytest.raises(HungUp):
        hear(ours, 1)


def test_talking_to_nobody_is_a_hang_up(ends):
    ends[1].close()
    with pytest.raises(HungUp):
        say(ends[0], "want")


def test_a_listener_that_sleeps_never_blocks_the_speaker_and_hears_the_oldest_words(ends):
    ours, theirs = ends
    for number in range(5000):
        say(ours, number)
    assert [hear(theirs, 0), hear(theirs, 0)] == [[0], [1]]
