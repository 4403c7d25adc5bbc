"""`Structure` to `Program`, and `Program` to functions that compute."""
