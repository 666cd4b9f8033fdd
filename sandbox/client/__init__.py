"""Scripted members, which drive a sandbox from outside."""
