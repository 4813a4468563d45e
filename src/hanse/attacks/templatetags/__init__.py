"""What templates know of attacks."""
