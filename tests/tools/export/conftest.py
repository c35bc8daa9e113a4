"""Tests marked `train` need torch, which only the extra `train` installs: `make test-train`.

A file that is marked as a whole imports torch at its top, so without torch it is not even collected.
"""

from importlib.util import find_spec
from pathlib import Path

WHOLE_FILE = "pytestmark = pytest.mark.train"

collect_ignore = (
    []
    if find_spec("torch")
    else [
        path.name
        for path in Path(__file__).parent.glob("test_*.py")
        if WHOLE_FILE in path.read_text(encoding="utf-8")
    ]
)
