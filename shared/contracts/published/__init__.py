"""What is published of the contracts: schemas, examples, the AsyncAPI document, the table of codes.

The only place of the contracts that writes files or asks git. `make contracts` writes all of it.
"""
