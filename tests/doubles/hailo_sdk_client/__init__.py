"""A double of Hailo's Dataflow Compiler, versions 3.26 to 3.33: same calls, same order, no chip and no login.

It really runs and really quantises the network, with ONNX Runtime inside, so that accuracy gates see what they
would see: the graph as parsed, the effect of the model script, the error of 8 bits. What it compiles loads in
the double of HailoRT. Left out: several inputs, HEF post-processing, the profiler, bit-exact emulation.
Exceptions carry names seen in reports; where the real package keeps them is not known here.
"""

from hailo_sdk_client.exceptions import (
    AllocatorScriptParserException,
    InvalidArgumentsException,
    InvalidStateException,
    ParsingWithRecommendationException,
    UnsupportedModelError,
)
from hailo_sdk_client.runner import ClientRunner, InferenceContext

__version__ = "3.33.1"

__all__ = [
    "AllocatorScriptParserException",
    "ClientRunner",
    "InferenceContext",
    "InvalidArgumentsException",
    "InvalidStateException",
    "ParsingWithRecommendationException",
    "UnsupportedModelError",
    "__version__",
]
