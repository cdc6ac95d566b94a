"""A run directory and the model it describes: training writes them, decoding reads them."""
