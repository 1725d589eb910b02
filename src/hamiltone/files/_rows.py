"""Files of rows: arrays in NumPy's format, written row by row and read memory-mapped."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt


def rows_file(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> BinaryIO:
    """Open a ``.npy`` file of an array whose rows are then written, in order, as bytes.

    A full disk is an error of ``write`` here; a process that writes into a mapped file is killed by it (SIGBUS), and
    ``np.save`` does not tell what failed.
    """
    file = path.open("wb")
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file
