"""Reading: the bytes of a file become numbered rows of raw cells, and these become typed rows or named faults."""
