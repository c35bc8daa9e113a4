"""The double of HailoRT behaves like the real one while a network runs.

Numbers in brackets count the behaviours that our fact sheet demands of a double.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from fake_hefs import hailo_thumbnail_model
from hailo_platform import HEF, FormatType, HailoRTException, VDevice
from hailo_platform import HailoSchedulingAlgorithm as Scheduler
from hailo_platform.pyhailort import pyhailort
from hailo_platform.world import HANG, World, fresh_world

TESTS = Path(__file__).parents[1]
DIM = 192


@pytest.fixture
def world():
    with fresh_world() as machine:
        yield machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return hailo_thumbnail_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def vdevice(world: World):
    params = VDevice.create_params()
    params.scheduling_algorithm = Scheduler.ROUND_ROBIN
    with VDevice(params) as claimed:
        yield claimed


@pytest.fixture
def model(vdevice: VDevice, folder: Path):
    return vdevice.create_infer_model(str(folder / "model.hef"))


@pytest.fixture
def configured(model):
    with model.configure() as made:
        yield made


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def request(configured, frame: np.ndarray | None = None, output: np.ndarray | None = None):
    bindings = configured.create_bindings()
    bindings.input().set_buffer(picture() if frame is None else frame)
    bindings.output().set_buffer(np.empty(DIM, np.uint8) if output is None else output)
    return bindings


def test_formats_are_the_hefs_own_and_final_once_configured(model):  # (7)
    assert model.input().format.type == FormatType.UINT8
    assert model.output().format.type == FormatType.UINT8
    with model.configure() as configured:
        model.output().set_format_type(FormatType.FLOAT32)
        configured.run([request(configured, output=np.empty(DIM, np.uint8))], 1000)
    with model.configure() as configured:
        configured.run([request(configured, output=np.empty(DIM, np.float32))], 1000)


def test_set_buffer_looks_only_at_where_the_bytes_lie(configured):  # (8)
    edge = configured.create_bindings().input()
    with pytest.raises(HailoRTException, match="C_CONTIGUOUS"):
        edge.set_buffer(picture()[:, ::2])
    with pytest.raises(ValueError, match="not writeable"):
        edge.set_buffer(np.frombuffer(bytes(64 * 64 * 3), np.uint8))
    with pytest.raises(AttributeError):
        edge.set_buffer([1, 2, 3])
    edge.set_buffer(np.zeros(5, np.float64))


def test_a_binding_built_for_numpy_1_sees_empty_buffers(world: World, configured):  # (8)
    world.numpy2 = True
    with pytest.raises(pyhailort.HailoRTInvalidOperationException):
        configured.run([request(configured)], 1000)


@pytest.mark.parametrize("fault", ["bytes", "no input", "no output", "queue"])
def test_a_refused_launch_ends_the_model(world: World, configured, fault):  # (9)
    world.latency_s = 5
    bindings = request(configured, frame=np.zeros(7, np.uint8) if fault == "bytes" else None)
    if fault.startswith("no"):
        bindings = configured.create_bindings()
        if fault == "no output":
            bindings.input().set_buffer(picture())
        else:
            bindings.output().set_buffer(np.empty(DIM, np.uint8))
    requests = [request(configured) for _ in range(3)] if fault == "queue" else [bindings]
    expected = {"queue": "82", "bytes": "Invalid operation"}.get(fault, "not found")
    with pytest.raises(HailoRTException, match=expected):
        configured.run_async(requests)
    with pytest.raises(pyhailort.HailoRTStreamAborted):
        configured.wait_for_async_ready(timeout_ms=10)
    with pytest.raises(HailoRTException):
        configured.run_async([request(configured)])


def test_without_a_scheduler_nothing_runs_before_activate(world: World, folder: Path):  # (9)
    with VDevice() as vdevice:
        model = vdevice.create_infer_model(str(folder / "model.hef"))
        with model.configure() as configured, pytest.raises(HailoRTException, match="72"):
            configured.run([request(configured)], 1000)
        with model.configure() as configured:
            configured.activate()
            configured.run([request(configured)], 1000)


def test_activate_is_refused_while_a_scheduler_runs(configured):  # (9)
    with pytest.raises(pyhailort.HailoRTInvalidOperationException):
        configured.activate()


def test_input_bytes_are_read_as_the_configured_type_whatever_the_array_is(model):  # (10)
    same_bytes = picture().reshape(-1).view(np.float32)
    with model.configure() as configured:
        first, second = np.empty(DIM, np.uint8), np.empty(DIM, np.uint8)
        configured.run([request(configured, picture(), first)], 1000)
        configured.run([request(configured, same_bytes, second)], 1000)
    assert np.array_equal(first, second)


def test_float_input_is_rounded_to_even_and_never_clipped_silently(model):  # (10)
    model.input().set_format_type(FormatType.FLOAT32)
    with model.configure() as configured:
        halves, wholes = np.empty(DIM, np.uint8), np.empty(DIM, np.uint8)
        configured.run([request(configured, np.full((64, 64, 3), 2.5, np.float32), halves)], 1000)
        configured.run([request(configured, np.full((64, 64, 3), 2.0, np.float32), wholes)], 1000)
        assert np.array_equal(halves, wholes)
        with pytest.raises(AssertionError, match="undefined on a real chip"):
            configured.run([request(configured, np.full((64, 64, 3), 300, np.float32))], 1000)


def test_output_is_written_in_place_undefined_until_then_and_overwritten_later(
    world: World, configured
):  # (11)
    world.latency_s = 0.5
    output = np.zeros(DIM, np.uint8)
    bindings = request(configured, output=output)
    job = configured.run_async([bindings])
    assert (output == 0xA5).all()
    job.wait(5000)
    assert bindings.output().get_buffer() is output
    first = output.copy()
    bindings.input().set_buffer(picture(1))
    configured.run([bindings], 1000)
    assert not np.array_equal(first, output)


def test_the_callback_comes_on_another_thread_before_wait_returns(configured):  # (12)
    calls = []

    def done(completion_info):
        time.sleep(0.05)
        calls.append((threading.current_thread(), completion_info.exception))

    configured.run_async([request(configured)], done).wait(1000)
    ((thread, exception),) = calls
    assert thread is not threading.current_thread()
    assert exception is None


def test_an_exception_in_a_callback_ends_the_process(folder: Path, tmp_path: Path):  # (12)
    code = f"""
import sys; sys.path[:0] = [{str(TESTS)!r}, {str(TESTS / "doubles")!r}]
import numpy as np
from hailo_platform import HailoSchedulingAlgorithm, VDevice
params = VDevice.create_params()
params.scheduling_algorithm = HailoSchedulingAlgorithm.ROUND_ROBIN
configured = VDevice(params).create_infer_model({str(folder / "model.hef")!r}).configure()
bindings = configured.create_bindings()
bindings.input().set_buffer(np.zeros((64, 64, 3), np.uint8))
bindings.output().set_buffer(np.zeros({DIM}, np.uint8))
configured.run_async([bindings], lambda wrong_name: None).wait(5000)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == -6
    assert "unexpected keyword argument 'completion_info'" in done.stderr


def test_a_failed_job_is_seen_only_by_its_callback_and_ends_the_model(world: World, configured):  # (13)
    world.jobs.append(8)
    seen = []
    job = configured.run_async(
        [request(configured)], lambda completion_info: seen.append(completion_info.exception)
    )
    job.wait(1000)
    assert "8 (HAILO_INTERNAL_FAILURE)" in str(seen[0])
    assert seen[0].__cause__ is None
    with pytest.raises(HailoRTException, match="8"):
        configured.wait_for_async_ready()
    with pytest.raises(HailoRTException, match="8"):
        configured.run_async([request(configured)])


def test_run_swallows_the_failure_of_its_job(world: World, configured):  # (13)
    world.jobs.append(8)
    configured.run([request(configured)], 1000)


def test_a_job_that_hangs_times_out_and_is_aborted_with_the_model(world: World, model):  # (13)
    world.jobs.append(HANG)
    seen = []
    with model.configure() as configured:
        job = configured.run_async(
            [request(configured)], lambda completion_info: seen.append(completion_info.exception)
        )
        with pytest.raises(pyhailort.HailoRTTimeout):
            job.wait(20)
        assert seen == []
    assert isinstance(seen[0], pyhailort.HailoRTStreamAborted)


def test_parameters_have_the_real_names_and_bindings_are_a_list(configured):  # (14)
    configured.run(bindings=[request(configured)], timeout=1000)
    configured.wait_for_async_ready(timeout_ms=1000, frames_count=1)
    configured.run_async(bindings=[request(configured)], callback=None).wait(timeout_ms=1000)
    with pytest.raises(TypeError):
        configured.run_async(request(configured))
    with pytest.raises(pyhailort.HailoRTTimeout):
        configured.wait_for_async_ready(timeout_ms=10, frames_count=3)


def test_waiting_for_a_slow_chip_lets_other_threads_run(world: World, configured):  # (17)
    world.latency_s = 0.2
    steps = []
    stop = threading.Event()

    def count():
        while not stop.wait(0.01):
            steps.append(1)

    other = threading.Thread(target=count)
    other.start()
    started = time.monotonic()
    configured.run([request(configured)], 1000)
    took = time.monotonic() - started
    stop.set()
    other.join()
    assert took >= 0.2
    assert len(steps) >= 2


def test_output_is_the_float_networks_within_half_a_level(model, folder: Path):  # (18)
    quant = HEF(str(folder / "model.hef")).get_output_vstream_infos()[0].quant_info
    output = np.empty(DIM, np.uint8)
    with model.configure() as configured:
        configured.run([request(configured, output=output)], 1000)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    (floats,) = session.run(None, {"pixels": picture()[np.newaxis]})
    error = np.abs((output - quant.qp_zp) * quant.qp_scale - floats[0])
    assert 0 < error.max() <= 0.501 * quant.qp_scale


def test_sixteen_bit_outputs_are_finer(vdevice: VDevice, tmp_path: Path):  # (18)
    hailo_thumbnail_model(tmp_path, bits=16)
    model = vdevice.create_infer_model(str(tmp_path / "model.hef"))
    output = np.empty(DIM, np.uint16)
    with model.configure() as configured:
        configured.run([request(configured, output=output)], 1000)
    assert model.output().format.type == FormatType.UINT16
    assert output.max() > 255
