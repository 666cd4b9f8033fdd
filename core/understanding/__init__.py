"""What a prompt asks for, decided without any network: things, styles and where each thing goes."""
