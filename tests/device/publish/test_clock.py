import time

from cardscanner.publish.clock import boot_id, clock_synced, read_kernel_clock


def test_the_mark_of_timesyncd_says_that_the_clock_is_set(tmp_path):
    mark = tmp_path / "synchronized"
    mark.touch()
    assert clock_synced(mark) is True


def test_without_the_mark_the_kernel_is_asked_and_its_answer_read_right(tmp_path):
    read = read_kernel_clock()
    if read is None:  # a sandbox forbids the call: the clock counts as unset
        assert clock_synced(tmp_path / "missing") is False
        return
    state, clock = read
    assert abs(clock.seconds - time.time()) < 5  # the fields lie where the kernel writes them
    assert 9000 <= clock.tick <= 11000
    assert clock_synced(tmp_path / "missing") is (state != 5 and not clock.status & 0x40)


def test_the_boot_id_stays_the_same_within_a_boot():
    assert boot_id() == boot_id()
    assert len(boot_id()) == 8
