"""Telling how far a build is."""

import io

from cardscanner.match.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_a_terminal_gets_a_bar():
    terminal = Terminal()
    with Progress(terminal).counting(3, "embedding") as one_more:
        for _ in range(3):
            one_more()
    assert "3/3" in terminal.getvalue()
    assert "embedding" in terminal.getvalue()


def test_a_log_gets_no_bar_and_nothing_for_a_short_job():
    log = io.StringIO()
    with Progress(log).counting(1000, "embedding") as one_more:
        for _ in range(1000):
            one_more()
    assert log.getvalue() == ""


def test_a_log_gets_a_line_when_a_job_takes_long():
    log = io.StringIO()
    with Progress(log, line_every_s=0.0).counting(2, "embedding") as one_more:
        one_more()
    assert log.getvalue() == "embedding: 1 of 2\n"


def test_notes_are_lines():
    log = io.StringIO()
    Progress(log).note("starting anew")
    assert log.getvalue() == "starting anew\n"
