"""What a chapter is: its notebook, its exercises, what it depends on, whether it is fresh; how files are written."""
