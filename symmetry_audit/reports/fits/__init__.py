"""Fitted deformations: their files, a table for the terminal, a picture of every image."""
