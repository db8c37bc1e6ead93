"""What the cluster knows: its kinds, its objects, their history. No network and no processes here."""
