"""Networks: their alignment with the data, their scores, how they learned."""
