"""What commands show: how far something is, and tables. Nothing here is part of a result."""
