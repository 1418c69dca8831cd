"""The words all rooms share: frozen values without behaviour of a room, named after `docs/glossary.md`.

Times are aware and UTC unless a name says otherwise; texts are str without lone surrogates; offsets count code points.
`to_json` and `from_json` in `store.codec` turn any of these values into JSON and back; annotations must resolve at run time.
"""
