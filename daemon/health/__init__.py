"""What the running service tells of itself: to Prometheus, to a load balancer, to systemd. Never a word of a message."""
