"""The models of the tests of the ORM."""
