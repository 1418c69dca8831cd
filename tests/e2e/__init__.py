"""The product as its user runs it: the whole process, mailed, killed, started again."""
