"""The injection classifier: does a text try to give the assistant orders that are not its user's to give?"""
