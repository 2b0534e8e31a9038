"""Data requests: what a person may ask for (to see, to be forgotten), and how long their data is kept."""
