"""Figures with 95 % intervals: Wilson's for shares, order statistics for quantiles, else bootstrap."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cardscanner.match.thresholds import smallest_threshold

Values = NDArray[np.float64]

_Z = 1.959963984540054
_RESAMPLES = 400
_SEED = 20
_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value, its 95 % interval, and how many things it was measured on."""

    value: float
    low: float
    high: float
    n: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {key: round(each, _DIGITS) for key, each in asdict(self).items()}


def share(hits: ArrayLike) -> Figure | None:
    """Return the share of true entries with Wilson's score interval (Wilson 1927); ``None`` of nothing."""
    those = np.asarray(hits, dtype=bool)
    return share_of(int(those.sum()), those.size) if those.size else None


def share_of(hits: int, n: int) -> Figure:
    """Return hits of n as a share with Wilson's score interval."""
    middle = (hits + _Z**2 / 2) / (n + _Z**2)
    reach = _Z / (n + _Z**2) * np.sqrt(hits * (n - hits) / n + _Z**2 / 4)
    # At none and at all, rounding must not push the end of the interval past the share itself.
    low, high = (0.0 if hits == 0 else middle - reach), (1.0 if hits == n else middle + reach)
    return Figure(hits / n, float(low), float(high), n)


def quantile(values: ArrayLike, q: float) -> Figure | None:
    """Return a quantile with the interval of its order statistics, which assumes no distribution.

    The number of values below a quantile is binomial (Conover 1999); its normal limit gives the ranks.
    """
    numbers = np.sort(np.asarray(values, dtype=np.float64))
    n = numbers.size
    if not n:
        return None
    reach = _Z * np.sqrt(n * q * (1 - q))
    low, high = np.floor(n * q - reach) - 1, np.ceil(n * q + reach)
    ends = np.clip([low, high], 0, n - 1).astype(int)
    return Figure(float(np.quantile(numbers, q)), float(numbers[ends[0]]), float(numbers[ends[1]]), n)


def mean(values: ArrayLike) -> Figure | None:
    """Return a mean with its bootstrap interval; for paired differences, too."""
    numbers = np.asarray(values, dtype=np.float64)
    if not numbers.size:
        return None
    rng = np.random.default_rng(_SEED)
    drawn = [numbers[rng.integers(0, numbers.size, numbers.size)].mean() for _ in range(_RESAMPLES)]
    return _figure(float(numbers.mean()), np.array(drawn), numbers.size)


def auroc_value(known: Values, unknown: Values) -> float:
    """Return the chance that a known one scores higher than an unknown one; a tie counts half."""
    return float(_order(known, unknown).mean())


def auroc(known: ArrayLike, unknown: ArrayLike) -> Figure | None:
    """Return the area under the ROC with its bootstrap interval; ``None`` when one side is empty."""
    ours, others = np.asarray(known, np.float64), np.asarray(unknown, np.float64)
    if not ours.size or not others.size:
        return None
    rng = np.random.default_rng(_SEED)
    # How often each one is drawn weighs its row or column of the table of pairs.
    rows = rng.multinomial(ours.size, np.full(ours.size, 1 / ours.size), _RESAMPLES)
    columns = rng.multinomial(others.size, np.full(others.size, 1 / others.size), _RESAMPLES)
    pairs = _order(ours, others)
    drawn = ((rows @ pairs) * columns).sum(axis=1) / pairs.size
    return _figure(float(pairs.mean()), drawn, ours.size)


def accepted_at(known: ArrayLike, unknown: ArrayLike, false_accepts: float = 0.01) -> Figure | None:
    """Return the share of known ones accepted by the threshold that at most this share of unknown ones reach.

    The bootstrap draws both sides anew, since the threshold is estimated, too; its interval is never narrower
    than Wilson's, because at all or none accepted a bootstrap would claim to be certain.
    """
    ours, others = np.asarray(known, np.float64), np.asarray(unknown, np.float64)
    if not ours.size or not others.size:
        return None
    rng = np.random.default_rng(_SEED)
    some = ours[rng.integers(0, ours.size, (_RESAMPLES, ours.size))]
    strangers = np.sort(others[rng.integers(0, others.size, (_RESAMPLES, others.size))], axis=1)
    highest = strangers[:, others.size - 1 - int(false_accepts * others.size)]
    drawn = (some > highest[:, None]).mean(axis=1)
    accepted = ours >= smallest_threshold(others, false_accepts)
    plainly = share_of(int(accepted.sum()), ours.size)
    estimated = _figure(plainly.value, drawn, ours.size)
    low, high = min(plainly.low, estimated.low), max(plainly.high, estimated.high)
    return Figure(plainly.value, low, high, ours.size)


def _order(known: Values, unknown: Values) -> Values:
    """Return (K, U): 1 where the known one scores higher, a half where they tie."""
    return np.asarray((np.sign(known[:, None] - unknown[None, :]) + 1) / 2)


def _figure(value: float, drawn: Values, n: int) -> Figure:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(value, float(low), float(high), n)


def plain(value: Any) -> Any:
    """Return nested dictionaries with every figure as its JSON document."""
    if isinstance(value, Figure):
        return value.document()
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
