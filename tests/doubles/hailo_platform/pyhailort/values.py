"""What the chip computes: the float network, with its output rounded to the HEF's few levels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from hailo_platform.pyhailort.enums import FormatType
from hailo_platform.pyhailort.hef_file import Content
from hailo_platform.pyhailort.infos import QuantInfo, VStreamInfo, output_info

DTYPES = {
    FormatType.UINT8: np.dtype(np.uint8),
    FormatType.UINT16: np.dtype(np.uint16),
    FormatType.FLOAT32: np.dtype(np.float32),
}


def input_codes(data: bytes, configured: FormatType, info: VStreamInfo) -> np.ndarray:
    """Return what reaches the chip: the bytes read as the configured type, quantised if that is a float."""
    values = np.frombuffer(data, DTYPES[configured])
    native = DTYPES[info.format.type]
    if configured == FormatType.FLOAT32:
        values = quantise(values, info.quant_info, native)
    return values.astype(native).reshape(info.shape)


def output_bytes(content: Content, codes: np.ndarray, configured: FormatType) -> bytes:
    """Run the network on input codes and return the output in the configured type."""
    info = output_info(content.header)
    session = _session(content.network)
    (floats,) = session.run(None, {session.get_inputs()[0].name: codes[np.newaxis]})
    quantised = quantise(floats.reshape(info.shape), info.quant_info, DTYPES[info.format.type])
    if configured == FormatType.FLOAT32:
        return dequantise(quantised, info.quant_info).tobytes()
    return quantised.tobytes()


def quantise(values: np.ndarray, quant: QuantInfo, dtype: np.dtype) -> np.ndarray:
    """Round half to even; values are clipped to the limits, except for the identity.

    For the identity, HailoRT casts out-of-range floats, which C++ leaves undefined: here that is an error.
    """
    top = np.iinfo(dtype).max
    if quant.identity:
        codes = np.rint(values)
        if not ((codes >= 0) & (codes <= top)).all():
            raise AssertionError(
                f"floats outside 0..{top} with identity quantisation: undefined on a real chip"
            )
        return codes.astype(dtype)
    clipped = np.clip(values, quant.limvals_min, quant.limvals_max)
    return np.clip(np.rint(clipped / quant.qp_scale + quant.qp_zp), 0, top).astype(dtype)


def dequantise(codes: np.ndarray, quant: QuantInfo) -> np.ndarray:
    return (codes.astype(np.float32) - np.float32(quant.qp_zp)) * np.float32(quant.qp_scale)


@lru_cache(maxsize=4)
def _session(network: bytes) -> Any:
    import onnxruntime  # the real binding is imported without it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(network, sess_options=options, providers=["CPUExecutionProvider"])
