"""The configuration: every key, its default, its limits. Reading the file is in :mod:`configfile`."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

DEVICE_ID = r"^[a-z0-9-]{1,32}$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _yes_is_no_number(cls, data: Any) -> Any:
        """YAML reads ``port: yes`` as true, which would count as 1."""
        for key, value in data.items() if isinstance(data, dict) else ():
            kind = cls.model_fields[key].annotation if key in cls.model_fields else bool
            if isinstance(value, bool) and bool not in (kind, *get_args(kind)):
                raise _wrong_key(key, "yes, no, true and false mean nothing here")
        return data


def _wrong_key(key: str, what: str) -> PydanticCustomError:
    """Return the error of one key that does not fit the others of its section."""
    return PydanticCustomError("wrong_key", "{what}", {"key": key, "what": what})


def machine_device_id() -> str:
    """Return a stable id of this machine, one MQTT topic level: the Pi's serial or a hash of machine-id."""
    serial = Path("/proc/device-tree/serial-number")
    if serial.is_file():
        text = re.sub(r"[^a-z0-9]", "", serial.read_text(encoding="ascii", errors="ignore").lower())
        if text:
            return text[-12:]
    machine = Path("/etc/machine-id")
    seed = machine.read_text(encoding="ascii") if machine.is_file() else "cardscanner"
    return hashlib.sha256(seed.encode()).hexdigest()[:12]


class PicameraConfig(_Section):
    """The Pi's camera through picamera2."""

    backend: Literal["picamera2"]
    name: str = "top"
    width: int = Field(default=1280, ge=320, le=4608)
    height: int = Field(default=720, ge=240, le=2592)
    fps: float = Field(default=15, gt=0, le=120)
    controls: dict[str, float | int | bool | str | tuple[float, ...]] = Field(
        default_factory=dict, description="libcamera controls by name, e.g. ExposureTime: 8000"
    )
    timeout_s: float = Field(
        default=2, gt=0, le=3600, description="no frame for this long: the camera is lost"
    )
    retry_s: float = Field(default=1, gt=0, le=3600, description="pause before a lost camera is opened again")


class OpencvConfig(_Section):
    """USB camera, RTSP stream or anything else that OpenCV can open as live video."""

    backend: Literal["opencv"]
    name: str = "top"
    device: int | str = Field(default=0, description="number of a V4L2 device, or a path or URL")
    width: int | None = Field(default=1280, ge=160)
    height: int | None = Field(default=720, ge=120)
    fps: float | None = Field(default=None, gt=0)
    timeout_s: float = Field(default=2, gt=0, le=3600)
    retry_s: float = Field(default=1, gt=0, le=3600)


class ReplayConfig(_Section):
    """A recording: a video file or a folder of pictures in the order of their names."""

    backend: Literal["replay"]
    name: str = "replay"
    path: Path
    paced: bool = Field(default=True, description="at the recorded speed; false: as fast as possible")
    fps: float | None = Field(default=None, gt=0, description="overrides the recorded speed; folders have 10")
    loop: bool = False
    timeout_s: float = Field(default=10, gt=0, le=3600)
    retry_s: float = Field(default=2, gt=0, le=3600)


CameraConfig = Annotated[PicameraConfig | OpencvConfig | ReplayConfig, Field(discriminator="backend")]


class FinderConfig(_Section):
    """Finding cards in a frame."""

    backend: Literal["corners", "contours"] = Field(
        default="corners", description="corners: a small network, then edges; contours: edges and lines alone"
    )
    model: Path | None = Field(
        default=None, description="corners: folder of the network; none: the one that comes with the project"
    )
    effort: Literal["live", "thorough"] = Field(
        default="live", description="live: a camera's frames; thorough: still photos, several times slower"
    )
    max_cards: int = Field(default=20, ge=1, le=100)
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    whole_picture: bool = Field(
        default=False, description="try the whole picture as one card when no card was found in it"
    )


class OnnxConfig(_Section):
    """ONNX Runtime on the CPU."""

    backend: Literal["onnx"]
    model: Path
    threads: int = Field(default=2, ge=1, le=64)


class HailoConfig(_Section):
    """A HEF on the Hailo-8L through HailoRT."""

    backend: Literal["hailo"]
    model: Path
    timeout_ms: int = Field(default=800, ge=10, description="one inference")
    telemetry: bool = True


EmbedderConfig = Annotated[OnnxConfig | HailoConfig, Field(discriminator="backend")]


class QdrantConfig(_Section):
    """Where Qdrant holds the vectors of the database (``cardscanner db push``)."""

    url: str | None = Field(
        default=None, pattern=r"^https?://[^/\s]+", description="a server or a cluster, e.g. http://host:6333"
    )
    folder: Path | None = Field(default=None, description="embedded, without a server: one process at a time")
    collection: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,200}$",
        description="none: the one named after the vectors that it holds",
    )
    api_key_file: Path | None = Field(default=None, description="file with the API key and nothing else")
    timeout_s: int = Field(default=2, ge=1, le=600, description="no answer for this long: the server is away")
    ef: int = Field(
        default=256, ge=16, le=100_000, description="server: candidates that a search holds; more finds more"
    )

    @model_validator(mode="after")
    def _one_place(self) -> QdrantConfig:
        if (self.url is None) == (self.folder is None):
            raise _wrong_key("url", "name either url (a server) or folder (embedded), not both")
        if self.api_key_file is not None and not _keeps_secrets(self.url):
            raise _wrong_key("api_key_file", "an API key needs an https:// url, or a server on this machine")
        return self


def _keeps_secrets(url: str | None) -> bool:
    """Whether what is sent there can be read on the way."""
    parts = urlsplit(url or "")
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


class IndexConfig(_Section):
    """The reference database and how it is searched."""

    backend: Literal["auto", "annoy", "exact", "int8", "ivf", "qdrant"] = Field(
        default="auto",
        description="auto: what the build of the database chose by measuring; annoy where it is enough",
    )
    database: Path
    search_k: int | None = Field(default=None, ge=1, description="annoy: overrides the database's value")
    qdrant: QdrantConfig | None = Field(default=None, description="qdrant: where the vectors were pushed to")

    @model_validator(mode="after")
    def _has_a_place(self) -> IndexConfig:
        if self.backend == "qdrant" and self.qdrant is None:
            raise _wrong_key("backend", "qdrant needs index.qdrant with url or folder (cardscanner db push)")
        return self


class DecideConfig(_Section):
    """From frames to exactly one event for each presented card."""

    threshold: float | None = Field(default=None, description="overrides the database's margin threshold")
    print_gap: float | None = Field(default=None, ge=0, description="overrides the database's print gap")
    min_frames: int = Field(default=3, ge=1, description="frames pooled before a card is believed")
    max_frames: int = Field(default=12, ge=1, description="frames pooled before giving up on a card")
    gone_s: float = Field(
        default=0.8, gt=0, le=3600, description="unseen for this long: the card was taken away"
    )
    report_no_match: bool = Field(default=False, description="send an event for an unknown card too")
    top: int = Field(default=5, ge=1, le=50, description="candidates listed in an event")

    @model_validator(mode="after")
    def _frames_in_order(self) -> DecideConfig:
        if self.min_frames > self.max_frames:
            raise _wrong_key(
                "min_frames", f"must not be larger than max_frames ({self.min_frames} > {self.max_frames})"
            )
        return self


class VerifyConfig(_Section):
    """The second look at the best candidates, against the database's small pictures."""

    enabled: bool = Field(
        default=True, description="false, or a database without pictures: vectors alone decide"
    )
    threshold: float | None = Field(default=None, description="overrides the database's evidence threshold")
    print_lead: float | None = Field(default=None, ge=0, description="overrides the database's print lead")
    read_number: Literal["never", "tesseract"] = Field(
        default="never", description="reads the collector number of prints that cannot be told otherwise"
    )

    @model_validator(mode="after")
    def _reads_only_what_it_looks_at(self) -> Self:
        if self.read_number != "never" and not self.enabled:
            raise ValueError("read_number needs enabled: true: the number is read in a second look")
        return self


class OutboxConfig(_Section):
    """The durable queue between scanning and sending."""

    path: Path = Path("/var/lib/cardscanner/outbox.db")
    max_bytes: int = Field(default=256 * 2**20, ge=2**20)
    max_rows: int = Field(default=500_000, ge=100)
    keep_delivered: int = Field(
        default=2000, ge=0, le=100_000, description="delivered messages that stay, for replay and export"
    )


class TlsConfig(_Section):
    """TLS towards the broker."""

    ca_file: Path | None = Field(default=None, description="default: the system's certificates")
    cert_file: Path | None = None
    key_file: Path | None = None


class HomeAssistantConfig(_Section):
    """Telling Home Assistant about the scanner."""

    discovery: bool = Field(default=True, description="publish the discovery message")
    prefix: str = Field(
        default="homeassistant",
        pattern=r"^[^#+/\x00]+(/[^#+/\x00]+)*$",
        description="as in Home Assistant's MQTT options",
    )


class MqttConfig(_Section):
    """An MQTT broker."""

    backend: Literal["mqtt"]
    host: str = "localhost"
    port: int = Field(default=1883, ge=1, le=65535)
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: Path | None = Field(default=None, description="file with the password and nothing else")
    tls: TlsConfig | None = None
    keepalive_s: int = Field(default=10, ge=2, le=600)
    window: int = Field(default=20, ge=1, le=20, description="unacknowledged messages; Mosquitto allows 20")
    max_per_s: float = Field(default=200, gt=0, description="pace of a backlog, so that brokers drop nothing")
    unheard: Literal["accept", "keep"] = Field(
        default="accept",
        description="broker has no subscriber (reason 16): accept counts it as sent, keep tries again later",
    )
    state_every_s: float = Field(default=30, ge=1, le=86400)
    await_ack: tuple[str, ...] = Field(
        default=(),
        description="consumers that must confirm each message on ack/<name>; it is kept until then",
    )
    commands: bool = Field(default=True, description="take commands on cmd/<name>")
    response_prefix: str = Field(
        default="cardscanner/_rsp/",
        pattern=r"^[^#+\x00]+/$",
        description="answers go only to Response Topics below this one",
    )
    image: bool = Field(default=False, description="publish the picture of the newest match on last/image")
    log: Literal["off", "warning", "error"] = Field(
        default="off", description="publish log lines from this level on, at most about one a second"
    )
    home_assistant: HomeAssistantConfig = HomeAssistantConfig()

    @field_validator("protocol", mode="before")
    @classmethod
    def _number_is_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("await_ack")
    @classmethod
    def _one_level_each(cls, consumers: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in consumers if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)]:
            raise ValueError(f"{wrong[0]!r} is no name of letters, digits, - and _")
        return consumers

    @model_validator(mode="after")
    def _possible(self) -> MqttConfig:
        if self.unheard == "keep" and self.protocol != "5":
            raise _wrong_key(
                "unheard", "keep needs protocol: 5; MQTT 3.1.1 does not tell whether anybody listens"
            )
        if self.password_file is not None and self.username is None:
            raise _wrong_key("password_file", "password_file needs username")
        return self


class StdoutConfig(_Section):
    """Events as JSON lines on standard output."""

    backend: Literal["stdout"]


PublishConfig = Annotated[MqttConfig | StdoutConfig, Field(discriminator="backend")]


class CorrectionsConfig(_Section):
    """What a person needs to say "it is this one" (``cardscanner db correct``)."""

    recent: Path | None = Field(
        default=None, description="folder for the newest scans and their pictures, best in memory; none: none"
    )
    keep: int = Field(default=200, ge=1, le=100_000, description="how many of them")
    folder: Path = Field(
        default=Path("/var/lib/cardscanner/corrections"), description="what was corrected, kept for good"
    )


class HistoryConfig(_Section):
    """What was scanned, with a small photo of each card, for the page and for export."""

    path: Path | None = Field(default=None, description="none: history.db beside the outbox")
    max_bytes: int = Field(
        default=512 * 2**20,
        ge=2**20,
        description="then the oldest photos go, and the oldest scans after them",
    )
    photos: bool = Field(default=True, description="keep a small photo of each card")
    keep_free: int = Field(
        default=64 * 2**20,
        ge=0,
        description="bytes free on the disk: below it photos are not kept, below half of it scans neither",
    )


class WebTlsConfig(_Section):
    """The page over HTTPS."""

    cert_file: Path
    key_file: Path


class WebConfig(_Section):
    """The box's own page, health and metrics."""

    host: str = Field(default="0.0.0.0", description="address to listen on; 127.0.0.1: this machine only")  # noqa: S104
    port: int = Field(default=8080, ge=1, le=65535)
    names: tuple[str, ...] = Field(
        default=(), description="further names under which browsers reach the box, e.g. behind a proxy"
    )
    folder: Path | None = Field(default=None, description="accounts and logins; none: web beside the outbox")
    tls: WebTlsConfig | None = None
    metrics: Literal["open", "login"] = Field(
        default="open", description="open: /metrics without a login, as Prometheus expects"
    )


class UpdatesConfig(_Section):
    """Signed releases of database, model and program (docs/updates.md)."""

    source: str = Field(min_length=1, description="a folder, or an https:// address, that holds index.json")
    keys: Path = Field(
        default=Path("/etc/cardscanner/release-keys"),
        description="folder of the public keys that count (*.pub)",
    )
    folder: Path | None = Field(
        default=None, description="releases on the box; none: releases beside the outbox"
    )
    installer: Path | None = Field(
        default=None,
        description="makes a program's release ready to run; none: programs come by other means",
    )
    timeout_s: float = Field(default=20, gt=0, le=600, description="no answer for this long: given up")

    @field_validator("source")
    @classmethod
    def _not_to_be_read_on_the_way(cls, source: str) -> str:
        if "://" in source and not _keeps_secrets(source):
            raise ValueError("an address must begin with https:// (http:// only on this machine)")
        return source


class LogConfig(_Section):
    """Log lines on standard output, and in a file where that is wanted."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "human"] = "auto"
    file: Path | None = Field(default=None, description="keep JSON lines here too; none: no file")
    file_bytes: int = Field(default=5 * 2**20, ge=2**16, le=2**30, description="then a new file is begun")
    file_count: int = Field(default=3, ge=1, le=100, description="files that are kept, the newest with them")


class Config(_Section):
    """The whole file."""

    device_id: str = Field(default_factory=machine_device_id, pattern=DEVICE_ID)
    game: str = Field(default="pokemon", min_length=1)
    camera: CameraConfig
    finder: FinderConfig = FinderConfig()
    embedder: EmbedderConfig
    index: IndexConfig
    verify: VerifyConfig = VerifyConfig()
    decide: DecideConfig = DecideConfig()
    outbox: OutboxConfig = OutboxConfig()
    publish: PublishConfig
    corrections: CorrectionsConfig = CorrectionsConfig()
    history: HistoryConfig = HistoryConfig()
    web: WebConfig | None = Field(default=None, description="none: no page")
    updates: UpdatesConfig | None = Field(default=None, description="none: nobody looks for newer versions")
    log: LogConfig = LogConfig()

    @field_validator("device_id")
    @classmethod
    def _not_everybody(cls, device_id: str) -> str:
        if device_id == "all":
            raise ValueError("all is the name under which every device takes commands; choose another one")
        return device_id
