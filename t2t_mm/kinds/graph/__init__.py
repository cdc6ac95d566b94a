"""Reading text, images and sound inside an exported graph."""
