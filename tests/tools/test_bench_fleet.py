"""The crowd of simulated boxes behaves as boxes do; the thousand are measured by name: make bench-fleet."""

import resource
import time

import pytest
from brokers import Mosquitto
from contract_check import check_messages
from listeners import Listener

from cardscanner.errors import InputError
from cardscanner_tools.bench_fleet import measure, shows_offline, wait_until
from cardscanner_tools.crowd.crowd import Crowd
from cardscanner_tools.crowd.process import box_names, check_files


def test_a_crowd_connects_says_what_the_contract_says_goes_and_comes_back(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    crowd = Crowd(broker.port, box_names(5), scans_per_hour=36_000)

    def until(done):
        end_s = time.monotonic() + 20
        while not done():
            assert time.monotonic() < end_s, crowd.count()
            crowd.step()

    try:
        with Listener(broker.port, "cardscanner/#") as listener:
            until(lambda: crowd.count().online == 5 and crowd.count().scans > 20)
            crowd.vanish(2)
            until(lambda: crowd.count().online == 3)
            crowd.return_all()
            until(lambda: crowd.count().online == 5)
            broker.kill()
            until(lambda: crowd.count().online == 0)
            broker.start()
            until(lambda: crowd.count().online == 5)
            check_messages(listener.heard())
        assert crowd.count().refused == 0
    finally:
        crowd.close()
        broker.stop()


def test_more_boxes_than_the_shell_allows_files_are_refused_in_words():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(InputError, match=r"ulimit -Hn .* --boxes"):
        check_files(hard)


def test_rows_of_a_picture_are_read_by_name():
    picture = "head\n\nbox  state\nbox-00000  offline  since\nbox-00001  ready"
    assert shows_offline(["box-00000"])(picture)
    assert not shows_offline(["box-00000", "box-00001"])(picture)


def test_what_never_comes_is_named():
    with pytest.raises(TimeoutError, match="for the moon"):
        wait_until(lambda: False, 0.2, "the moon")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_boxes_are_shown_and_their_absence_too():
    found = measure(200, 10.0).figures
    assert found["busy: lost connections"] == 0
    assert found["killed to row"] is not None
    assert found["unplugged to row"] is not None
    assert found["storm: fleet shows all after"] is not None
