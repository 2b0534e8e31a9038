"""Complaints: what shoppers complain of or ask for, each with a number and a day by which a person answers."""
