"""What the bots and the command-line tools share: models, storage, retrieval."""
