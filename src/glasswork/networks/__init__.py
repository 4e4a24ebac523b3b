"""The reference networks, one file each; nothing but torch inside."""
