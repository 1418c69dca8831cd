"""Tools of those who tune rules: measuring what a pack decides against what persons labelled."""
