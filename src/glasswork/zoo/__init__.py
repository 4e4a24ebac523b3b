"""Networks with their weights, preprocessing and labels; resolves every TARGET."""
