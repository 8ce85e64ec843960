"""What ``make`` runs beside tests: checks of the locked dependencies."""
