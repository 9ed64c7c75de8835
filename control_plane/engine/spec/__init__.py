"""
From a spec's text to a compiled machine, or to what is wrong with it.

`reading` makes JSON of the text; `outline` the tree of states; `values`, `guarding`,
`acting` and `tasking` what stands in them; `assembling` the tables; `rules` looks at
the whole. Each says what it finds to a `Findings` and goes on, so that an author sees
everything at once.
"""
