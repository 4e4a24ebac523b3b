"""Named whole runs: network, data and training. What produced each shipped weight."""
