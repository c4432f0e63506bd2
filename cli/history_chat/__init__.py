"""A console chat that remembers: any model behind it, its sessions in one JSON file."""
