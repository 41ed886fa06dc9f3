"""Tickets of evolution strategies: iterative pruning, transfer, and the landscape around trained tickets.

Source: Lange & Sprekeler (2023), "Lottery tickets in evolutionary optimization".
"""
