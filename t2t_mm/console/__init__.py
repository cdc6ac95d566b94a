"""Progress bars and tables of the commands. Nothing here is part of a result."""
