"""What stands below all rooms: arrays that nobody else writes to, and signals."""
