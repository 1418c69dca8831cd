"""Where things enter. Each module ends in an Arrival or reads one."""
