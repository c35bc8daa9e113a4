"""Updater: looks for releases, puts them in place on trial, and takes them back. The one way of doing so."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cardscanner.config import Config, UpdatesConfig
from cardscanner.errors import ArtifactError, CardscannerError, Disagreement, SourceAway, UpdateRefused
from cardscanner.files import replacing
from cardscanner.manifest import agree, load_database_manifest, load_model_manifest
from cardscanner.update.gathering import Gathering, files_here
from cardscanner.update.minisign import PublicKey, read_key_folder
from cardscanner.update.plan import (
    NOTHING_MORE,
    PROGRAM_NAME,
    Allowed,
    Chosen,
    Wish,
    check_fit,
    check_place,
    check_versions,
    find_listed,
    program_here,
    read_index,
    read_release,
    what_is_used,
)
from cardscanner.update.proof import Pair, prove
from cardscanner.update.release import KINDS, RELEASE, SIGNATURE, Index, Kind, Release, is_older, read_kept
from cardscanner.update.releases import made_folders, releases_of
from cardscanner.update.settling import forgive, go_back, is_bad, settle, switch
from cardscanner.update.sources import Source, open_source
from cardscanner.update.state import UNDECIDED, Change, Step, Swap, UpdateState, change_state, load_state

INSTALLER_S = 900
ASKED_FOR = "a person or a command asked for it"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an update is."""

    step: Step
    percent: float
    """Of the download."""


@dataclass(frozen=True, slots=True)
class Available:
    """What there is, of a kind."""

    kind: Kind
    name: str
    in_use: str | None
    latest: str | None
    refused: str | None
    """Why the latest is not offered; ``None``: it may be installed, or is in use."""
    notes: str = ""
    page: str | None = None

    @property
    def is_newer(self) -> bool:
        """Whether there is something to install."""
        return self.latest is not None and self.refused is None and self.latest != self.in_use


class Updater:
    """For one operation; several processes may have one."""

    def __init__(self, config: Config, tell: Callable[[Progress], None] = lambda _: None) -> None:
        self.config = config
        self.releases = releases_of(config)
        self._tell = tell

    def look(self) -> list[Available]:
        """Read the index and note the newest versions."""
        source, keys = self._opened()
        index = self._seen(source, keys)
        state = load_state(self.releases)
        return [found for kind in KINDS if (found := self._available(index, state, kind)) is not None]

    def choose(self, wishes: Sequence[Wish], allowed: Allowed) -> list[Chosen]:
        """Return what would be installed, after everything that can be told without its files.

        Raises
        ------
        UpdateRefused
            With the reason; nothing was changed.
        SourceAway
            Nothing is known.
        """
        source, keys = self._opened()
        for wish in wishes:
            check_place(self.config, self.releases, wish.kind)
        self._need_decided()
        index = self._seen(source, keys)
        state, used = load_state(self.releases), what_is_used(self.config)
        chosen = []
        for wish in wishes:
            name = wish.name or self._name(wish.kind, index) or _only_name(index, wish.kind)
            listed = find_listed(index, wish, name, allowed, state)
            found = read_release(source, keys, listed)
            check_versions(self.releases, used, found.release, allowed)
            chosen.append(found)
        check_fit([each.release for each in chosen], used)
        return chosen

    def install(self, wishes: Sequence[Wish], allowed: Allowed = NOTHING_MORE) -> UpdateState:
        """Fetch, verify, try out and put in place, on trial.

        Raises
        ------
        UpdateRefused
            With the reason; what is in use was not touched.
        SourceAway
            The source broke off; the next attempt goes on from there.
        """
        made_folders(self.releases)
        with self.releases.sole_installer():
            settle(self.releases)
            chosen = self.choose(wishes, allowed)
            change = self._change(chosen)
            try:
                self._fetch(chosen, change)
                self._verify(chosen)
                change = self._step(change, "verified")
                self._try_out(chosen)
                change = self._step(change, "tested")
                return self._activate(chosen, change)
            except (UpdateRefused, SourceAway) as refusal:
                self._refuse(change, str(refusal))
                raise

    def rollback(self, kinds: Sequence[Kind]) -> UpdateState:
        """Go back to the versions before.

        Raises
        ------
        UpdateRefused
            ``not_found``: there is none.
        """
        made_folders(self.releases)
        with self.releases.sole_installer():
            settle(self.releases)
            with self.releases.writing():
                state = load_state(self.releases)
                change = state.change
                if change is None or change.step != "trial":
                    swaps = {kind: self._swap_back(state, kind) for kind in kinds}
                    change = Change(step="rolling_back", swaps=swaps, at=_now())
                return go_back(self.releases, state, change, ASKED_FOR)

    def _swap_back(self, state: UpdateState, kind: Kind) -> Swap:
        now, before = self.releases.in_use(kind), state.previous.get(kind)
        if now is None or before is None or not self.releases.folder(kind, before).is_dir():
            raise UpdateRefused("not_found", f"{kind}: there is no version before this one on the box")
        kept = read_kept(self.releases.folder(kind, now))
        return Swap(name=kept.name if kept else "", version=now, previous=before)

    def _opened(self) -> tuple[Source, list[PublicKey]]:
        return open_source(self._set_up), read_key_folder(self._set_up.keys)

    @property
    def _set_up(self) -> UpdatesConfig:
        if self.config.updates is None:
            raise UpdateRefused(
                "not_set_up",
                "updates.source is not set: name the directory or folder that releases come from",
            )
        return self.config.updates

    def _seen(self, source: Source, keys: list[PublicKey]) -> Index:
        """Return the index, and remember its serial: an older one will be refused."""
        made_folders(self.releases)
        index, identity = read_index(source, keys, load_state(self.releases))
        newest = {
            kind: found
            for kind in KINDS
            if (name := self._name(kind, index)) and (found := index.newest(kind, name)) is not None
        }
        change_state(
            self.releases,
            lambda state: state.model_copy(
                update={
                    "serial": max(index.serial, state.serial),
                    "index_sha256": identity if index.serial >= state.serial else state.index_sha256,
                    "looked_at": _now(),
                    "latest": {kind: found.version for kind, found in newest.items()},
                    "notes": {kind: found.notes for kind, found in newest.items() if found.notes},
                    "pages": {kind: found.page for kind, found in newest.items() if found.page},
                }
            ),
        )
        return index

    def _available(self, index: Index, state: UpdateState, kind: Kind) -> Available | None:
        name = self._name(kind, index)
        if name is None:
            return None
        now = self.releases.in_use(kind) or self._version(kind)
        found = index.newest(kind, name)
        if found is None:
            return Available(kind, name, now, None, "the index has none")
        refused = is_bad(state, kind, name, found.version)
        if refused is None and now is not None and is_older(found.version, now):
            refused = "older than the one in use"
        return Available(kind, name, now, found.version, refused, found.notes, found.page)

    def _name(self, kind: Kind, index: Index) -> str | None:
        """Return what the thing in use is called; of programs, the one of the index for this machine."""
        if kind == "program":
            kept = read_kept(self.releases.current(kind))
            names = [program_here(), PROGRAM_NAME if kept is None else kept.name]
            return next((name for name in names if index.newest(kind, name)), PROGRAM_NAME)
        used = what_is_used(self.config)
        return used[kind].name if kind in used else None

    def _version(self, kind: Kind) -> str | None:
        if kind == "program":
            from cardscanner import __version__

            return __version__
        used = what_is_used(self.config)
        return used[kind].version if kind in used else None

    def _need_decided(self) -> None:
        change = load_state(self.releases).change
        if change is not None and change.step in UNDECIDED:
            raise UpdateRefused(
                "busy",
                f"{change.title} is on trial: wait until it is good or rolled back (update status)",
            )

    def _change(self, chosen: Sequence[Chosen]) -> Change:
        swaps: dict[Kind, Swap] = {
            each.release.kind: Swap(
                name=each.release.name,
                version=each.release.version,
                previous=self.releases.in_use(each.release.kind),
            )
            for each in chosen
        }
        return self._step(Change(step="downloading", swaps=swaps, at=_now()), "downloading")

    def _step(self, change: Change, step: Step) -> Change:
        stepped = change.stepped(step)
        change_state(self.releases, lambda state: state.model_copy(update={"change": stepped}))
        self._tell(Progress(step, 0.0 if step == "downloading" else 100.0))
        return stepped

    def _refuse(self, change: Change, why: str) -> None:
        if load_state(self.releases).change is not None:
            refused = change.stepped("refused", why)
            change_state(self.releases, lambda state: state.model_copy(update={"change": refused}))

    def _fetch(self, chosen: Sequence[Chosen], change: Change) -> None:
        source, here = open_source(self._set_up), files_here(self.releases)
        whole = sum(each.release.size for each in chosen)
        before = 0
        for each in chosen:
            into = self.releases.incoming(each.release.kind, each.release.version)
            into.mkdir(parents=True, exist_ok=True)
            start = before

            def tell(done: int, _size: int, start: int = start) -> None:
                self._tell(Progress(change.step, round(100.0 * (start + done) / whole, 1)))

            Gathering(source, each.release, each.path, into, here, tell).gather()
            for name, data in ((RELEASE, each.document), (RELEASE + SIGNATURE, each.signature)):
                with replacing(into / name) as temporary:
                    temporary.write_bytes(data)
            before += each.release.size

    def _verify(self, chosen: Sequence[Chosen]) -> None:
        """Compare what lies there now with what was signed, by its own manifest too."""
        for each in chosen:
            _check_manifest(each.release, self.releases.incoming(each.release.kind, each.release.version))
        pair = self._pair(chosen)
        if pair is not None:
            try:
                agree(load_model_manifest(pair.model), load_database_manifest(pair.database))
            except Disagreement as error:
                raise UpdateRefused("does_not_fit", str(error)) from error
            except ArtifactError as error:
                raise UpdateRefused("bad_document", str(error)) from error

    def _try_out(self, chosen: Sequence[Chosen]) -> None:
        for each in chosen:
            folder = self.releases.incoming(each.release.kind, each.release.version)
            if each.release.kind == "program":
                self._prepare_program(each.release, str(folder))
        pair = self._pair(chosen)
        if pair is None:
            return
        kept = read_kept(pair.database)
        tests = [kept, *(each.release for each in chosen)]
        test = next(
            (each.self_test for each in tests if each is not None and each.self_test is not None), None
        )
        if test is None:
            raise UpdateRefused(
                "self_test", "neither release says what its self-test must reach: sign it again"
            )
        prove(pair, test, pair.database, self.config.index)

    def _pair(self, chosen: Sequence[Chosen]) -> Pair | None:
        """Return model and database as they would work together; ``None``: neither changes."""
        fresh = {
            each.release.kind: self.releases.incoming(each.release.kind, each.release.version)
            for each in chosen
        }
        if not {"model", "database"} & fresh.keys():
            return None
        model = fresh.get("model", self.config.embedder.model)
        return Pair(model, fresh.get("database", self.config.index.database))

    def _prepare_program(self, release: Release, folder: str) -> None:
        """Let the installer of the box make it ready to run, beside the one that runs."""
        command = [str(self._set_up.installer), folder, release.version]
        try:
            done = subprocess.run(  # the configuration names it
                command, capture_output=True, text=True, errors="replace", timeout=INSTALLER_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UpdateRefused(
                "self_test", f"{command[0]} could not prepare {release.title}: {error}"
            ) from error
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise UpdateRefused(
                "self_test",
                f"{command[0]} could not prepare {release.title} (exit {done.returncode}): {said[0]}",
            )

    def _activate(self, chosen: Sequence[Chosen], change: Change) -> UpdateState:
        for each in chosen:
            self.releases.adopt(each.release.kind, each.release.version)
        with self.releases.writing():
            state = load_state(self.releases)
            for each in chosen:
                state = forgive(state, each.release.kind, each.release.name, each.release.version)
            state = switch(self.releases, state, change)
        for kind, swap in change.swaps.items():
            self.releases.keep_only(kind, {swap.version, swap.previous or swap.version})
        self._tell(Progress("trial", 100.0))
        return state


def _check_manifest(release: Release, folder: Path) -> None:
    """A database or model must be what its signed release says it is."""
    if release.kind == "program":
        return
    try:
        manifest = (
            load_database_manifest(folder) if release.kind == "database" else load_model_manifest(folder)
        )
    except CardscannerError as error:
        raise UpdateRefused("bad_document", str(error)) from error
    told = (manifest.name, manifest.version, manifest.space, manifest.dim)
    if told != (release.name, release.version, release.space, release.dim):
        raise UpdateRefused("bad_document", f"{release.title}: its manifest says {told}")
    for name, entry in manifest.files.items():
        if release.files.get(name) != entry:
            raise UpdateRefused(
                "bad_document", f"{release.title}: {name} of its manifest is not what was signed"
            )


def _only_name(index: Index, kind: Kind) -> str:
    names = sorted({each.name for each in index.releases if each.kind == kind})
    if len(names) != 1:
        raise UpdateRefused(
            "not_found", f"say which {kind} (--name): the index has {', '.join(names) or 'none of this kind'}"
        )
    return names[0]


def _now() -> datetime:
    return datetime.now(UTC)
