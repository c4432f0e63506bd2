"""Models that Hugging Face's inference providers serve, under one token."""
