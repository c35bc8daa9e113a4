"""Run by the target's Python in an emulator: does what was made for it work there? emulated.py DATABASE MODEL"""

import json
import platform
import sys
from pathlib import Path

import annoy
import cv2
import nacl.signing
import numkong
import numpy as np
import onnxruntime
import pydantic

from cardscanner import __version__
from cardscanner.config import IndexConfig
from cardscanner.update.proof import Pair, recognised
from cardscanner.update.release import SelfTest

index = annoy.AnnoyIndex(8, "angular")
vectors = np.random.default_rng(1).standard_normal((100, 8))
for number, vector in enumerate(vectors):
    index.add_item(number, vector)
index.build(5)
key = nacl.signing.SigningKey.generate()
key.verify_key.verify(key.sign(b"card"))
database, model = map(Path, sys.argv[1:])
share = recognised(
    Pair(model, database), SelfTest(floor=0, measured=0, pictures=3), {}, IndexConfig(database=database)
)
print(
    json.dumps(
        {
            "machine": platform.machine(),
            "python": platform.python_version(),
            "numpy": [np.__version__, np.__file__],
            "nearest": index.get_nns_by_vector(vectors[7], 1),
            "denormal": float(np.finfo(np.float32).smallest_subnormal),
            "resized": cv2.resize(np.zeros((8, 8, 3), np.uint8), (4, 4)).shape,
            "onnx": onnxruntime.get_available_providers(),
            "pydantic": pydantic.VERSION,
            "dot": float(numkong.dot(np.ones(16, np.float32), np.ones(16, np.float32))),
            "version": __version__,
            "recognised": [share.right, share.of],
        }
    )
)
