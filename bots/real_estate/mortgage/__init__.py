"""Loans: annuities, the state's programmes, other costs, and reading of what is asked."""
