"""Looks at everything the service depends on and says in plain Chinese what is wrong and what to do; changes nothing anywhere."""
