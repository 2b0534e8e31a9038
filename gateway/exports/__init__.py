"""Exports: what pages and the API show, as files for spreadsheets, accountants and banks, made in the background."""
