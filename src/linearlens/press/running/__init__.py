"""Run chapters: one in this process, one in a process of its own, many at a time, many seeds."""
