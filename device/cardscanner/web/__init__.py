"""The box's own page: live view, scans, settings, health and metrics."""
