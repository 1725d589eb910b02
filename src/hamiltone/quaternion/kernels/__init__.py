"""Kernels of the quaternion layers: one function for each operation, computed in one of several forms.

All forms of an operation give the same result up to rounding; which of them computes a call is chosen by a shipped
table, unless :func:`forms` names one.

- ``_dispatch``: the operations, and the choice of the form; ``_dispatch_table``: the table
- ``_block_kernel``: the plain form, one real operation with the assembled block matrix
- ``_eight_products``: eight real products of quarters instead of sixteen
- ``_grouped_products``: the same eight as one convolution of eight groups
- ``_stacked_product``: one real product with the weights as they lie
- ``_prepared_weights``: what an evaluation has made of a layer's weights
"""

from hamiltone.quaternion.kernels._block_kernel import Geometry
from hamiltone.quaternion.kernels._dispatch import convolution, forms, linear
from hamiltone.quaternion.kernels._prepared_weights import PreparedWeights

__all__ = ["Geometry", "PreparedWeights", "convolution", "forms", "linear"]
