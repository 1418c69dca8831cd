"""The tests of zuozhen, by tier: unit, decisions, integration, e2e."""
