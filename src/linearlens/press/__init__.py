"""Running chapters, keeping them fresh, and making the book of them."""
