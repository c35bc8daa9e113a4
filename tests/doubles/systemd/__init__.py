"""A double of python-systemd 235, as far as it is used here: the same names, the same bytes on the same sockets."""
