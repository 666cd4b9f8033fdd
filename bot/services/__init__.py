"""What commands and components call."""
