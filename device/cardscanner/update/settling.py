"""The moments that change a link: switching, going back, and finding out after a power cut how far it came.

Every function here is called while the state is locked, writes the state before it touches a link, and can be
repeated after any interruption.
"""

from __future__ import annotations

from cardscanner.files import write_json
from cardscanner.update.release import Kind
from cardscanner.update.releases import Releases
from cardscanner.update.state import STATE, UNFINISHED, Change, Step, UpdateState, load_state

MOST_STARTS = 3
"""A scanner that was started so often without getting ready will not get ready."""
INTERRUPTED = "interrupted before it was put in place: the old version stayed"


def switch(releases: Releases, state: UpdateState, change: Change) -> UpdateState:
    """Let the links lead to the new versions and begin the trial.

    Where there was none before there is no trial: a scanner without database or program is no way back.
    """
    state = _stored(releases, _with(state, change, "switching"))
    for kind, swap in change.swaps.items():
        releases.point(kind, swap.version)
    return _switched(releases, state, change)


def go_back(releases: Releases, state: UpdateState, change: Change, why: str) -> UpdateState:
    """Let the links lead to the versions before, and remember what was wrong."""
    change = change.stepped("rolling_back", why)
    state = _stored(releases, _with(state, change, "rolling_back"))
    for kind, swap in change.swaps.items():
        releases.point(kind, swap.previous)
    gone = set(change.swaps)
    return _stored(
        releases,
        _with(state, change, "rolled_back").model_copy(
            update={
                "bad": {
                    **state.bad,
                    **{_key(kind, swap.name, swap.version): why for kind, swap in change.swaps.items()},
                },
                "previous": {kind: version for kind, version in state.previous.items() if kind not in gone},
            }
        ),
    )


def keep(releases: Releases, state: UpdateState, change: Change) -> UpdateState:
    """Call the change good; the versions before become what ``rollback`` goes back to."""
    before: dict[Kind, str] = {
        kind: swap.previous for kind, swap in change.swaps.items() if swap.previous is not None
    }
    state = _with(state, change, "good")
    return _stored(releases, state.model_copy(update={"previous": {**state.previous, **before}}))


def settle(releases: Releases, *, starting: bool = False) -> UpdateState:
    """Finish or undo what a power cut or a crash left half done; ``starting``: a scanner starts now.

    Old or new, never a mixture and never none: links are only ever replaced, and where some lead to the new
    version and some to the old, all go back.
    """
    with releases.writing():
        state = load_state(releases)
        change = state.change
        if change is None:
            return state
        match change.step:
            case "switching":
                if all(releases.in_use(kind) == swap.version for kind, swap in change.swaps.items()):
                    state = _switched(releases, state, change)
                else:
                    state = _undone(releases, state, change)
            case "rolling_back":
                state = go_back(releases, state, change, change.why)
            case step if step in UNFINISHED and not releases.is_installing:
                state = _stored(releases, _with(state, change.stepped("refused", INTERRUPTED), "refused"))
            case _:
                pass
        return _counted(releases, state) if starting else state


def _switched(releases: Releases, state: UpdateState, change: Change) -> UpdateState:
    if change.is_first:
        return keep(releases, state, change)
    return _stored(releases, _with(state, change, "trial"))


def _undone(releases: Releases, state: UpdateState, change: Change) -> UpdateState:
    for kind, swap in change.swaps.items():
        releases.point(kind, swap.previous)
    return _stored(releases, _with(state, change.stepped("refused", INTERRUPTED), "refused"))


def _counted(releases: Releases, state: UpdateState) -> UpdateState:
    """Count a start on trial; the last one allowed having failed, go back."""
    change = state.change
    if change is None or change.step != "trial":
        return state
    if change.starts >= MOST_STARTS:
        return go_back(releases, state, change, f"the scanner did not get ready in {MOST_STARTS} starts")
    counted = change.model_copy(update={"starts": change.starts + 1})
    return _stored(releases, state.model_copy(update={"change": counted}))


def is_bad(state: UpdateState, kind: Kind, name: str, version: str) -> str | None:
    """Return why a version was taken back, or ``None``."""
    return state.bad.get(_key(kind, name, version))


def forgive(state: UpdateState, kind: Kind, name: str, version: str) -> UpdateState:
    """Give a version another chance."""
    key = _key(kind, name, version)
    return state.model_copy(update={"bad": {each: why for each, why in state.bad.items() if each != key}})


def _key(kind: Kind, name: str, version: str) -> str:
    return f"{kind} {name} {version}"


def _with(state: UpdateState, change: Change, step: Step) -> UpdateState:
    return state.model_copy(update={"change": change.stepped(step)})


def _stored(releases: Releases, state: UpdateState) -> UpdateState:
    write_json(releases.root / STATE, state.model_dump(mode="json"))
    return state


def took_back(releases: Releases, why: str) -> bool:
    """Go back if a change is on trial; return whether one was."""
    if not releases.root.is_dir():
        return False
    with releases.writing():
        state = load_state(releases)
        if state.change is None or state.change.step != "trial":
            return False
        go_back(releases, state, state.change, why)
        return True


def kept(releases: Releases) -> bool:
    """Call a change on trial good; return whether one was on trial."""
    with releases.writing():
        state = load_state(releases)
        if state.change is None or state.change.step != "trial":
            return False
        keep(releases, state, state.change)
        return True
