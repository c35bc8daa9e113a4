"""``python -m cardscanner_tools.soak``."""

import sys

from cardscanner_tools.cli import main

sys.exit(main(["soak", *sys.argv[1:]]))
