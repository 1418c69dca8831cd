"""What the pack decides: tables of cases and the golden rows."""
