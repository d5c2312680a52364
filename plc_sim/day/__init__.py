"""A whole day in virtual time: engines and plant in one thread. The one room that may import both sides."""
