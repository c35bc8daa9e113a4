"""``python -m cardscanner``: the same as the command ``cardscanner``."""

import sys

from cardscanner.cli import main

sys.exit(main())
