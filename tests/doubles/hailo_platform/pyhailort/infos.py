"""Descriptions of edges: format, quantisation, shape."""

from __future__ import annotations

from dataclasses import dataclass

from hailo_platform.pyhailort._pyhailort import HailoRTCustomException
from hailo_platform.pyhailort.enums import FormatOrder, FormatType, StreamDirection
from hailo_platform.pyhailort.hef_file import Header


@dataclass
class Format:
    type: FormatType
    order: FormatOrder


@dataclass(frozen=True)
class QuantInfo:
    qp_zp: float
    qp_scale: float
    limvals_min: float
    limvals_max: float

    @property
    def identity(self) -> bool:
        return self.qp_scale == 1.0 and self.qp_zp == 0.0


@dataclass(frozen=True)
class VStreamInfo:
    """One edge of a HEF."""

    name: str
    network_name: str
    direction: StreamDirection
    format: Format
    quant_info: QuantInfo
    _shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Without a batch dimension; some orders have none at all."""
        if self.format.order == FormatOrder.HAILO_NMS_BY_CLASS:
            raise HailoRTCustomException("Format order has no shape")
        return self._shape

    def __repr__(self) -> str:
        return f'VStreamInfo("{self.name}")'


@dataclass(frozen=True)
class NetworkGroupInfo:
    name: str
    is_multi_context: bool


def input_info(header: Header) -> VStreamInfo:
    return VStreamInfo(
        name=f"{header.name}/input_layer1",
        network_name=f"{header.name}/{header.name}",
        direction=StreamDirection.H2D,
        format=Format(FormatType[header.input_type], FormatOrder.NHWC),
        quant_info=QuantInfo(0.0, 1.0, 0.0, 255.0),
        _shape=header.input_shape,
    )


def output_info(header: Header) -> VStreamInfo:
    return VStreamInfo(
        name=f"{header.name}/fc1",
        network_name=f"{header.name}/{header.name}",
        direction=StreamDirection.D2H,
        format=Format(FormatType[header.output_type], FormatOrder[header.output_order]),
        quant_info=QuantInfo(header.zero_point, header.scale, *header.limits),
        _shape=header.output_shape,
    )
