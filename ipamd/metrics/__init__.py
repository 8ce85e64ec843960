"""What Prometheus is told: a table of metrics, what counts them, and where they are read."""
