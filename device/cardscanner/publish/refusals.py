"""What the broker's refusals of single messages are called in the state, and what a person can do."""

from __future__ import annotations

from collections.abc import Mapping

from cardscanner.publish.status import Troubles

_NAME_OF = {16: "mqtt_unheard", 135: "mqtt_denied", 151: "mqtt_quota"}
_OTHER = "mqtt_rejected"
_WORDS = {
    "mqtt_unheard": "nobody subscribes to these topics, the messages are kept",
    "mqtt_denied": "we may not publish these topics, the messages are kept: allow them in its access rules",
    "mqtt_quota": "its quota for us is used up, the messages are kept: raise the quota",
    _OTHER: "it rejects messages on these topics, they are kept; the reason code is in brackets",
}


def name_refusals(troubles: Troubles, where: str, refused: Mapping[str, int]) -> None:
    """Bring the troubles in line with the topics that are refused now, each with its reason code."""
    for name, words in _WORDS.items():
        topics = [f"{topic} ({code})" for topic, code in sorted(refused.items()) if _name(code) == name]
        if topics:
            troubles.enter(name, f"{where}: {words}: {', '.join(topics)}")
        else:
            troubles.leave(name)


def _name(code: int) -> str:
    return _NAME_OF.get(code, _OTHER)
