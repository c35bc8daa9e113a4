"""A real Home Assistant with nothing but its MQTT integration; run by the Python that it is installed in.

``python homeassistant_child.py FOLDER BROKER_PORT HTTP_PORT``, then one JSON line in for each JSON line out:
``{"do": "states"}``, ``{"do": "devices"}``, ``{"do": "triggers"}``, ``{"do": "fired"}``, ``{"do": "problems"}``,
``{"do": "call", "domain", "service", "data"}``, ``{"do": "stop"}``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from homeassistant import bootstrap, core, loader
from homeassistant.components.device_automation import DeviceAutomationType, async_get_device_automations
from homeassistant.const import __version__
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.helpers.trigger import async_initialize_triggers

FIRED: list[str] = []
PROBLEMS: list[str] = []


class Problems(logging.Handler):
    """Keeps what Home Assistant complains about."""

    def emit(self, record: logging.LogRecord) -> None:
        if "mqtt" in record.name:
            PROBLEMS.append(f"{record.name}: {record.getMessage()}")


async def start(folder: Path, broker_port: int, http_port: int) -> core.HomeAssistant:
    """Start it and set up MQTT as a person does, through the dialogue."""
    (folder / "configuration.yaml").write_text("")
    hass = core.HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    http = {"server_host": "127.0.0.1", "server_port": http_port}
    assert await bootstrap.async_from_config_dict({"http": http}, hass) is not None
    await hass.async_start()
    flow = await hass.config_entries.flow.async_init("mqtt", context={"source": "user"})
    answer = {"broker": "127.0.0.1", "port": broker_port}
    done = await hass.config_entries.flow.async_configure(flow["flow_id"], answer)
    assert done["type"] == "create_entry", done
    await hass.async_block_till_done()
    return hass


async def answer(hass: core.HomeAssistant, request: dict[str, Any]) -> Any:
    """Do what is asked."""
    match request["do"]:
        case "states":
            registry = entity_registry.async_get(hass)
            return [
                {**state.as_dict(), "unique_id": entry.unique_id}
                for state in hass.states.async_all()
                if (entry := registry.async_get(state.entity_id)) and entry.platform == "mqtt"
            ]
        case "devices":
            found = device_registry.async_get(hass).devices.values()
            return [
                {"name": each.name, "model": each.model, "sw": each.sw_version, "id": each.id}
                for each in found
                if any(domain == "mqtt" for domain, _ in each.identifiers)
            ]
        case "triggers":
            return await attach(hass, request["device"])
        case "fired":
            return FIRED
        case "problems":
            return PROBLEMS
        case "call":
            await hass.services.async_call(
                request["domain"], request["service"], request["data"], blocking=True
            )
            return None
        case other:
            raise ValueError(other)


async def attach(hass: core.HomeAssistant, device: str) -> list[str]:
    """Let every trigger that the device offers note when it fires; return their kinds."""
    offered = await async_get_device_automations(hass, DeviceAutomationType.TRIGGER, [device])
    triggers = [each for each in offered[device] if each["domain"] == "mqtt"]
    for trigger in triggers:
        wanted = {key: value for key, value in trigger.items() if key != "metadata"}

        async def note(_variables: Any, _context: Any = None, kind: str = trigger["type"]) -> None:
            FIRED.append(kind)

        wanted["platform"] = "device"
        await async_initialize_triggers(hass, [wanted], note, "test", "test", logging.getLogger().log)
    return sorted(each["type"] for each in triggers)


async def main(folder: Path, broker_port: int, http_port: int) -> None:
    """Serve requests until told to stop."""
    logging.getLogger().addHandler(Problems(logging.WARNING))
    hass = await start(folder, broker_port, http_port)
    print(json.dumps({"version": __version__}), flush=True)
    loop = asyncio.get_running_loop()
    while (line := await loop.run_in_executor(None, sys.stdin.readline)) and '"stop"' not in line:
        print(json.dumps(await answer(hass, json.loads(line)), default=str), flush=True)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
