"""Authorisation: a person logs in and a code goes to the portal."""
