"""Replies of our own in the styles of eight mail clients, with what each orders."""
