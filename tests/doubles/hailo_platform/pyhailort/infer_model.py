"""InferModel: the network and the formats of its edges, before it is configured."""

from __future__ import annotations

from typing import Any

from hailo_platform.pyhailort._pyhailort import check
from hailo_platform.pyhailort.configured import ConfiguredInferModel
from hailo_platform.pyhailort.enums import FormatOrder, FormatType
from hailo_platform.pyhailort.exceptions import wrapped
from hailo_platform.pyhailort.hef import HEF
from hailo_platform.pyhailort.hef_file import Content
from hailo_platform.pyhailort.infos import Format, QuantInfo, VStreamInfo, input_info, output_info
from hailo_platform.pyhailort.lane import Lane
from hailo_platform.world import next_of, world

_NOT_FOUND, _NOT_COMPATIBLE = 61, 93


class _Model:
    """The C++ model: dies with the last reference to it."""

    def __init__(self, content: Content, chip: Any) -> None:
        self.content = content
        self.chip = chip
        infos = input_info(content.header), output_info(content.header)
        self.edges = {info.name: InferModel.InferStream(info) for info in infos}

    def __del__(self) -> None:
        world.events.append("model dropped")


class InferModel:
    class InferStream:
        """One edge; its format may be changed until :meth:`InferModel.configure`."""

        def __init__(self, info: VStreamInfo) -> None:
            self._info = info
            self._format = Format(info.format.type, info.format.order)

        @property
        def name(self) -> str:
            return self._info.name

        @property
        def shape(self) -> list[int]:
            return list(self._info.shape)

        @property
        def format(self) -> Format:
            return self._format

        @property
        def quant_infos(self) -> list[QuantInfo]:
            return [self._info.quant_info]

        @property
        def is_nms(self) -> bool:
            return False

        def set_format_type(self, type: FormatType) -> None:  # noqa: A002 - the vendor's name
            self._format.type = type

        def set_format_order(self, order: FormatOrder) -> None:
            self._format.order = order

    def __init__(self, content: Content, chip: Any, hef_source: str | bytes) -> None:
        self._model = _Model(content, chip)
        self._hef_source = hef_source
        self.batch_size = 0

    @property
    def hef(self) -> HEF:
        return HEF(self._hef_source)

    @property
    def input_names(self) -> list[str]:
        return list(self._model.edges)[:1]

    @property
    def output_names(self) -> list[str]:
        return list(self._model.edges)[1:]

    @property
    def inputs(self) -> list[InferStream]:
        return [self.input()]

    @property
    def outputs(self) -> list[InferStream]:
        return [self.output()]

    def input(self, name: str = "") -> InferStream:
        return self._edge(name or self.input_names[0])

    def output(self, name: str = "") -> InferStream:
        return self._edge(name or self.output_names[0])

    def set_batch_size(self, batch_size: int) -> None:
        self.batch_size = batch_size

    def set_power_mode(self, power_mode: Any) -> None:
        world.events.append(f"power mode {power_mode}")

    def configure(self) -> ConfiguredInferModel:
        """Only here it shows that a HEF is for another chip; the formats of the edges are final now."""
        with wrapped():
            check(next_of(world.configures))
            if (
                self._model.content.header.architecture == "HAILO8"
                and self._model.chip.architecture == "HAILO8L"
            ):
                check(_NOT_COMPATIBLE)
        lane = Lane(self._model.content, self.input().format.type, self.output().format.type)
        world.events.append("configured")
        return ConfiguredInferModel(lane, self._model.chip, self.input_names, self.output_names)

    def _edge(self, name: str) -> InferStream:
        with wrapped():
            if name not in self._model.edges:
                check(_NOT_FOUND)
        return self._model.edges[name]
