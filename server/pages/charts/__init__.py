"""Charts, coloured by the page's style sheet, without inline styles: the content security policy forbids them.

Two kinds, by what is best at it. The figure of a day (`strip`, `trace`, `lanes`, `axis`) and the small pictures in
tables (`dots`, `spread`) are SVG written here: rows that share one time axis in percent of the width keep their labels
at every width, need no script, and cost a few milliseconds; Vega-Lite would draw 40,000 seconds of states as as many
marks, and cannot lay HTML rows on its axis. Everything with scales of its own (`heat`, `distribution`, `course`) is a
Vega-Lite specification, a plain dict made by one function a chart: the browser draws it on a page (`vega`), the server
for paper (`paper`), from the same dict. Colours in it are the style sheet's own (`var(--upright)`, `url(#p-lost)`), so
that light, dark and print need no second drawing.
"""
