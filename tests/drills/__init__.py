"""Drills of three districts over the months of their documents; `make drills` plays them."""
