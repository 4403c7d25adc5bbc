"""What a model must stand: static checks and the confidence tests of the field."""
