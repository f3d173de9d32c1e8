"""The handwritten digits that come with scikit-learn."""

from linearlens.datasets._dataset import Dataset


def load_digits(*, seed: int = 0, n_test: int = 500) -> Dataset:
    """Real handwritten digits, 1,797 images of 8 × 8, split with equal shares of each class.

    Parameters
    ----------
    seed : int
        Seeds the split.
    n_test : int
        Images kept for testing.

    Returns
    -------
    Dataset
        Inputs of shape (n_samples, 64), grey values from 0 to 1.
    """
    from sklearn import datasets  # takes a second: only who wants digits waits for it
    from sklearn.model_selection import train_test_split

    pixels, labels = datasets.load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels / 16, labels, test_size=n_test, stratify=labels, random_state=seed
    )
    return Dataset("digits", train_x, train_y, test_x, test_y)
