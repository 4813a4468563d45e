"""What templates know of campaigns."""
