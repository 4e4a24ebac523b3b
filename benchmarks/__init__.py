"""What is claimed of speed and size, measured on this machine: `make bench` writes RESULTS.md."""
