"""A weak power supply and heat are said in ``state``, and scanning goes on."""

import pytest
from brokers import Mosquitto
from daemons import QUICK, Daemon, looping, mqtt
from listeners import Listener
from pi_firmware import Firmware
from small_scanner import small_scanner

LOW, CAPPED, SLOWED, HOT = 1 << 0, 1 << 1, 1 << 2, 1 << 3
SINCE_BOOT = 16
TROUBLES = [(LOW, ["power_low"]), (SLOWED | HOT, ["power_hot"]), (LOW | CAPPED, ["power_hot", "power_low"])]


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def test_low_voltage_and_heat_are_said_while_scanning_goes_on_and_are_over_by_themselves(tmp_path, broker):
    firmware = Firmware(tmp_path / "firmware")
    scanner = small_scanner(tmp_path / "scanner", lie=4, empty=4)
    config = scanner.config(camera=looping(), publish=mqtt(broker, state_every_s=1), decide=QUICK)

    def await_state(listener, bits, reasons):
        def newest(heard):
            states = [each.json() for each in heard if each.topic.endswith("/state")]
            return states[-1:] and states[-1]["power"]["throttled"] == bits and states[-1]

        state = newest(listener.wait_for(lambda heard: bool(newest(heard)), 30))
        assert state["reasons"] == reasons
        assert state["lifecycle"] == ("degraded" if reasons else "ready")
        assert state["scanning"]

    with Listener(broker.port) as listener, Daemon(config, **firmware.environment) as daemon:
        daemon.await_line("card decided")
        happened = 0
        for bits, reasons in TROUBLES:
            happened |= bits << SINCE_BOOT
            firmware.says(happened | bits)
            await_state(listener, happened | bits, reasons)
            daemon.await_line("card decided", count=len(daemon.said("card decided")) + 2)
            firmware.says(happened)
            await_state(listener, happened, [])
        daemon.await_line("card decided", count=len(daemon.said("card decided")) + 2)
        assert daemon.stop() == 0, daemon.tail()
        assert len(daemon.said("ready")) == 1
