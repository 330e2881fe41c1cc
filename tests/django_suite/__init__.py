"""Django's own tests as a tool: `python -m django_suite` runs them, unmodified, on one of the stores."""
