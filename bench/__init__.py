"""What is measured, each beside its yardstick in the same run; read the ratios, not the absolute figures."""
