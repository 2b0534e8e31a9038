"""Training: the seeded population, the models, their gate, their card, and how they are measured."""
