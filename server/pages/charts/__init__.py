"""Charts as inline SVG, made on the server, coloured by the page's style sheet; text keeps its size at every width.

A chart fills the width it is given: positions along time are percentages, so labels are never stretched. Colours and
fonts come from classes (no inline styles: the content security policy forbids them).
"""
