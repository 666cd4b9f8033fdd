"""What commands and components call to do their work."""
