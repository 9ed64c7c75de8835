"""What both planes must agree on, and nothing else."""
