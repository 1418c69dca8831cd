"""Lives of cases, from the first mail to the last, played by script against the real daemon: `tests/e2e/test_lives.py` runs them."""
