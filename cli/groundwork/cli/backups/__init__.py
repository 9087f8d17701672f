"""Backups: the ledger, the registry and the indexes of one platform, as files under a URL, checked before they are restored."""
