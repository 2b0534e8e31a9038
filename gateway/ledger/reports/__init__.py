"""Reports: the books read for people and for other tools."""
