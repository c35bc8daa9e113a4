"""``reload``, ``restart``."""

from __future__ import annotations

from cardscanner.configfile import load_config
from cardscanner.control.room import ControlRoom
from cardscanner.publish.orders import AnyAnswer, Order, accepted
from cardscanner.reloading import check_parts


def reload(room: ControlRoom, order: Order) -> AnyAnswer:
    """Read the configuration again, as SIGHUP does; one that cannot be used is refused here already."""
    check_parts(load_config(room.config_path))
    room.wishes.reload = True
    return accepted(order)


def restart(room: ControlRoom, order: Order) -> AnyAnswer:
    """End in order and start again."""
    room.wishes.restarted_by = order.request.transaction
    room.wishes.restart = True
    return accepted(order)
