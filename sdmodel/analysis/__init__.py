"""What a researcher asks of a model: sensitivities, fits, equilibria, optimal policies, comparisons."""
