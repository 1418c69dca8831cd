"""Tells people: composes notices from the decision and the case, and sends them."""
