"""What was scanned: kept on the disk with small photos, under a quota, for the page and for export."""
