"""Pages of the book from executed chapters: the site, its figures and downloads, figure files, PDF."""
