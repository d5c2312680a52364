"""Exams: public instances with known optima, solved with what the box runs; peers beside it where installed."""
