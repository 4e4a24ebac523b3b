"""From one number to its formula, terms and origin; pure functions over a trace."""
