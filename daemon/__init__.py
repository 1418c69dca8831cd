"""Wires the rooms together and runs them. Start reading at `daemon.pipeline`."""
