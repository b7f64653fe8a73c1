"""The contracts between the product and what drives or serves it.

Each port says what it gives, what it raises and what it does not promise. The product knows these and the domain,
nothing else; `app.py` alone says which adapter stands behind which port.
"""
