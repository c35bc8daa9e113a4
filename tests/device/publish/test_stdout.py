import io
import json
import os

import pytest
from scans import open_outbox, store

from cardscanner.publish.stdout import StdoutPublisher


@pytest.fixture
def outbox(tmp_path):
    outbox = open_outbox(tmp_path)
    yield outbox
    outbox.close()


@pytest.fixture
def pipe():
    read, write = os.pipe()
    reader, writer = io.FileIO(read, "rb"), io.FileIO(write, "wb")
    yield reader, writer
    reader.close()
    writer.close()


def seqs(data):
    return [json.loads(line)["seq"] for line in data.splitlines()]


def test_each_row_is_one_line_of_json(outbox, pipe):
    reader, writer = pipe
    publisher = StdoutPublisher(outbox, writer)
    store(outbox, 3)
    publisher.step(0.0)
    assert seqs(reader.read(100_000)) == [1, 2, 3]
    publisher.close(1.0)
    assert outbox.depth == 0


def test_a_slow_reader_makes_rows_wait_and_loses_none(outbox, pipe):
    reader, writer = pipe
    publisher = StdoutPublisher(outbox, writer)
    store(outbox, 300)  # more than a pipe holds
    publisher.step(0.0)
    for _ in range(20):
        publisher.step(0.0)
    waiting = outbox.depth
    assert 0 < waiting < 300
    assert publisher.status().connected
    data = b""
    while outbox.depth:
        data += reader.read(100_000)
        publisher.step(0.0)
    data += reader.read(100_000)
    assert seqs(data) == list(range(1, 301))
    publisher.close(1.0)


def test_a_reader_that_is_gone_is_a_state_and_the_rows_stay(outbox, pipe):
    reader, writer = pipe
    publisher = StdoutPublisher(outbox, writer)
    reader.close()
    store(outbox, 3)
    publisher.step(0.0)
    publisher.step(0.0)
    status = publisher.status()
    assert (status.connected, status.reasons) == (False, ("stdout_closed",))
    assert "standard output cannot be written" in status.refusal
    publisher.close(5.0)
    assert outbox.depth == 3


def test_waiting_ends_when_a_row_is_stored(outbox, pipe):
    reader, writer = pipe
    publisher = StdoutPublisher(outbox, writer)
    store(outbox, 1)
    publisher.step(3600.0)
    assert seqs(reader.read(100_000)) == [1]
    publisher.close(0.0)
