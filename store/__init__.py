"""What we keep, and the words all rooms share. Importing the package itself loads nothing heavy."""
