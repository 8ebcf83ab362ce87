"""The letter finder and reader: trained on side markers drawn onto real films and on noted ones.

Both are measured on markers that were read by eye.
"""
