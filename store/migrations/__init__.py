"""How the schema grows; run by `Database.upgrade`."""
