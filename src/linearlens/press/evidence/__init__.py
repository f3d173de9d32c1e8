"""What was measured, now and before, beside what is claimed: full runs, seeds, costs, and tables of these."""
