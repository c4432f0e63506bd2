"""An extract from the state register of real estate (ЕГРН), read against the seller's checklist."""
