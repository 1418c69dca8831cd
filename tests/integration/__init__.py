"""Parts against real sockets, files and child processes."""
