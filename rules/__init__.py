"""Decides. Pure but for the engine behind `rules.engine` and the files read by `rules.rulebook`."""
