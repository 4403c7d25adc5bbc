"""The report of all findings: one HTML file, made anew after each finding and taken up again where it stopped."""
