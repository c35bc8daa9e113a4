"""What every test starts from."""

import signal

# Whatever starts the tests in the background may have told them to ignore Ctrl-C, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
