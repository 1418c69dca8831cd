"""What `zuozhen demo` shows: sample mails through the real path."""
