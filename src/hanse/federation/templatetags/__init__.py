"""What templates know of other authorities."""
