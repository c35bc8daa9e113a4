import pytest

from cardscanner.publish.doorbell import Doorbell


@pytest.fixture
def bell():
    bell = Doorbell()
    yield bell
    bell.close()


def test_many_rings_are_one_and_never_block(bell):
    for _ in range(100_000):
        bell.ring()
    assert bell.wait(0) is True
    assert bell.wait(0) is False


def test_ringing_a_bell_that_was_taken_down_does_nothing(bell):
    bell.close()
    bell.ring()
    bell.close()
