"""What lies in front of a mouth: shapes of hands, and models of the user's own."""
