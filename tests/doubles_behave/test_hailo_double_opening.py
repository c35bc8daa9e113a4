"""The double of HailoRT behaves like the real one while HEF and chip are opened.

Numbers in brackets count the behaviours that our fact sheet demands of a double.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from fake_hefs import hailo_thumbnail_model
from hailo_platform import HEF, Device, FormatOrder, FormatType, HailoRTException, VDevice
from hailo_platform import HailoSchedulingAlgorithm as Scheduler
from hailo_platform.pyhailort import _pyhailort, pyhailort
from hailo_platform.world import World, fresh_world

TESTS = Path(__file__).parents[1]


@pytest.fixture
def world():
    with fresh_world() as machine:
        yield machine


@pytest.fixture(scope="module")
def hef(tmp_path_factory) -> Path:
    return hailo_thumbnail_model(tmp_path_factory.mktemp("model")) / "model.hef"


def shared_params() -> _pyhailort.VDeviceParams:
    params = VDevice.create_params()
    params.group_id = "SHARED"
    return params


def in_another_process(code: str) -> subprocess.CompletedProcess[str]:
    paths = f"import sys; sys.path[:0] = [{str(TESTS)!r}, {str(TESTS / 'doubles')!r}]\n"
    return subprocess.run(
        [sys.executable, "-c", paths + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_raw_status_exceptions_are_no_hailort_exceptions_but_the_cause_of_them(world: World):  # (1)
    world.opens.append(8)
    assert not issubclass(_pyhailort.HailoRTStatusException, HailoRTException)
    assert not issubclass(_pyhailort.HailoRTException, HailoRTException)
    with pytest.raises(HailoRTException) as caught:
        VDevice()
    assert isinstance(caught.value.__cause__, _pyhailort.HailoRTStatusException)
    assert str(caught.value.__cause__) == "8"


def test_a_missing_and_a_busy_chip_both_answer_74(world: World):  # (2)
    text = "libhailort failed with error: 74 (HAILO_OUT_OF_PHYSICAL_DEVICES)"
    world.chips = {}
    with pytest.raises(HailoRTException) as absent:
        VDevice()
    world.chips = {"0001:01:00.0": "HAILO8L"}
    world.held_by_another_process = True
    with pytest.raises(HailoRTException) as busy:
        VDevice()
    assert str(absent.value) == str(busy.value) == text
    assert type(absent.value) is HailoRTException


def test_a_chip_is_shared_inside_a_process_only_by_one_group(world: World):  # (2)
    with VDevice(shared_params()), VDevice(shared_params()):
        with pytest.raises(HailoRTException, match="74"):
            VDevice()
        assert world.shares == 2
    with VDevice(), pytest.raises(HailoRTException, match="74"):
        VDevice()


def test_a_second_process_does_not_get_the_chip(world: World, tmp_path: Path):  # (2)
    world.lock_file = tmp_path / "chip"
    code = f"""
    from pathlib import Path
    from hailo_platform import VDevice
    from hailo_platform.world import world
    world.lock_file = Path({str(world.lock_file)!r})
    VDevice().release()
    """
    with VDevice():
        refused = in_another_process(code)
    assert "74 (HAILO_OUT_OF_PHYSICAL_DEVICES)" in refused.stderr
    assert in_another_process(code).returncode == 0


def test_the_default_scheduler_is_none_and_its_setter_takes_only_the_enum(world: World):  # (3)
    params = VDevice.create_params()
    assert params.scheduling_algorithm == 0
    assert isinstance(params.scheduling_algorithm, int)
    assert params.group_id == "UNIQUE"
    for wrong in (1, "ROUND_ROBIN"):
        with pytest.raises(TypeError):
            params.scheduling_algorithm = wrong
    params.scheduling_algorithm = Scheduler.ROUND_ROBIN
    assert params.scheduling_algorithm == 1


def test_a_hef_is_read_without_a_chip_but_not_from_a_path_object(world: World, hef: Path):  # (4)
    world.chips = {}
    assert HEF(str(hef)).get_network_group_names() == ["thumbnail"]
    assert HEF(hef.read_bytes()).path is None
    with pytest.raises(ValueError, match="str"):
        HEF(hef)


def test_each_kind_of_damage_to_a_hef_has_its_own_status(world: World, hef: Path, tmp_path: Path):  # (4)
    whole = hef.read_bytes()
    damages = {
        "14": b"",
        "92": b"XXXX" + whole[4:],
        "91": whole[:-100],
    }
    for number, data in damages.items():
        path = tmp_path / number
        path.write_bytes(data)
        with pytest.raises(HailoRTException, match=f"error: {number} "):
            HEF(str(path))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (bytes(flipped), whole[:10]):
        with pytest.raises(HailoRTException, match="91"):
            HEF(damaged)
    with pytest.raises(HailoRTException, match="error: 14 "):
        HEF(str(tmp_path))
    with pytest.raises(HailoRTException, match="error: 13 "):
        HEF(str(tmp_path / "none"))


def test_version_4_20_calls_every_fault_of_a_hef_26(world: World, hef: Path):  # (4, 6)
    world.version = "4.20.1"
    with pytest.raises(pyhailort.HailoRTInvalidHEFException):
        HEF(hef.read_bytes()[:-1])
    assert not hasattr(pyhailort, "HailoRTHEFNotCompatibleWithDevice")


def test_edges_describe_themselves_as_in_the_real_package(world: World, hef: Path):  # (5)
    info = HEF(str(hef)).get_output_vstream_infos()[0]
    entry = HEF(str(hef)).get_input_vstream_infos()[0]
    assert (entry.shape, entry.name, entry.network_name) == (
        (64, 64, 3),
        "thumbnail/input_layer1",
        "thumbnail/thumbnail",
    )
    assert (entry.format.type, entry.format.order) == (FormatType.UINT8, FormatOrder.NHWC)
    assert str(info.format.type) == "FormatType.UINT8"
    assert info.format.type != 1
    assert int(info.format.type) == 1
    assert all(isinstance(value, float) for value in vars(info.quant_info).values())
    with VDevice() as vdevice:
        assert vdevice.create_infer_model(str(hef)).input().shape == [64, 64, 3]
    with pytest.raises(_pyhailort.HailoRTStatusException, match=r"^61$"):
        HEF(str(hef)).get_input_vstream_infos("other")


@pytest.mark.parametrize(
    ("version", "name"),
    [("4.23.0", "HailoRTHEFNotCompatibleWithDevice"), ("4.20.0", "HailoRTInvalidHEFException")],
)
def test_a_hef_for_another_chip_is_refused_only_by_configure(
    world: World, tmp_path: Path, version, name
):  # (6)
    world.version = version
    hailo_thumbnail_model(tmp_path, architecture="HAILO8")
    with VDevice() as vdevice:
        model = vdevice.create_infer_model(str(tmp_path / "model.hef"))
        with pytest.raises(HailoRTException) as caught:
            model.configure()
    assert type(caught.value).__name__ == name


def test_what_was_released_is_none_and_answers_with_attribute_errors(world: World, hef: Path):  # (15)
    with VDevice() as vdevice:
        with vdevice.create_infer_model(str(hef)).configure() as configured:
            pass
        with pytest.raises(AttributeError):
            configured.create_bindings()
    with pytest.raises(AttributeError):
        vdevice.create_infer_model(str(hef))


def test_a_child_process_cannot_use_the_virtual_device_of_its_parent(world: World, hef: Path):  # (15)
    done = in_another_process(
        f"""
        import os
        from hailo_platform import VDevice, HailoRTException
        vdevice = VDevice()
        child = os.fork()
        if child == 0:
            try:
                vdevice.create_infer_model({str(hef)!r})
            except HailoRTException as error:
                os._exit(17 if "process" in str(error) else 1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
        """
    )
    assert done.returncode == 0, done.stderr


def test_telemetry_has_the_real_names_and_each_reading_may_fail_for_itself(world: World):  # (16)
    with Device() as device:
        control = device.control
        assert control.get_chip_temperature().ts1_temperature == 53.5
        assert str(control.identify().device_architecture) == "HAILO8L"
        assert control._get_health_information().current_temperature_throttling_level == -1
        assert control.get_extended_device_information().neural_network_core_clock_rate == 400_000_000
        assert control.get_throttling_state() is True
        world.readings["power_measurement"] = pyhailort.HailoRTInvalidOperationException("no sensor")
        world.readings["get_chip_temperature"] = _pyhailort.HailoRTStatusException("18")
        with pytest.raises(HailoRTException):
            control.power_measurement()
        with pytest.raises(_pyhailort.HailoRTStatusException):
            control.get_chip_temperature()
        assert control.identify().board_name == "Hailo-8"
    with pytest.raises(HailoRTException, match="released"):
        control.identify()


def test_a_device_raises_raw_exceptions_when_it_cannot_be_opened(world: World):  # (16)
    with pytest.raises(_pyhailort.HailoRTStatusException, match=r"^2$"):
        Device("foo")
    world.chips = {}
    assert Device.scan() == []
    with pytest.raises(HailoRTException, match="not found in the system"):
        Device()
