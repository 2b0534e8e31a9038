"""Scoring any table: train, evaluate and serve a model on the rows of a CSV file.

The same learners, gate and calibration as the packaged bundle, on columns that the file names.
"""
