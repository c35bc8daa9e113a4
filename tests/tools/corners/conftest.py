"""Training needs torch, which only the extra `train` installs: `make test-train`."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["test_corner_training.py"]
