"""Milestones: what is captured is settled stage by stage, as goods are delivered and lessons are taught."""
