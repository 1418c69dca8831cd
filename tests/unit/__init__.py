"""Fast tests of single parts: no network, no process."""
