"""What the double raises; no base class in common but Exception, as far as users can tell."""


class InvalidStateException(Exception):
    """A call came too early or too late."""


class InvalidArgumentsException(Exception):
    """Data or names that do not fit the network."""


class UnsupportedModelError(Exception):
    """Free batch sizes, wrong shapes."""


class ParsingWithRecommendationException(Exception):
    """An operator that the chip does not know; the text recommends end nodes before it."""


class AllocatorScriptParserException(Exception):
    """A model script with a command that does not exist."""
