"""Real servers that the tests start for themselves, on free ports, in folders of their own."""
