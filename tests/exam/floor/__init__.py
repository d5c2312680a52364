"""The floor exam: reference scenarios in virtual time on which dispatch strategies are compared, order by order."""
