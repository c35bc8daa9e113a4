"""Making signed releases: keys, bundles, patches, the index. docs/updates.md."""
