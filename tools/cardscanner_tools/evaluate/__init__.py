"""Measuring a model so that it cannot flatter itself: suites, baselines on the same crops, verdicts.

A suite returns a :class:`~cardscanner_tools.evaluate.findings.Findings`; ``acceptance.py`` reads only the
JSON document that they add up to, so a verdict can be checked from the report alone.
"""
