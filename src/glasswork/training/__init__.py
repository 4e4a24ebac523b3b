"""The loop that trains, and what it leaves on disk. It emits events and draws nothing."""
