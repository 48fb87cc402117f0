"""What the paper reports, as far as it is known to us, and what its figures allow."""

import math

# P. G. Ayyavu, E. R. Dayakar, N. Vigneshwari and K. Jayaram, ICTACT Journal on Communication
# Technology: the best figures of tables 5 and 8 to 11. None: not known.
SEPARATION = {
    "ESAD-NMF": {"sir": 15.2, "sdr": 11.6, "sar": 10.5, "pesq": 3.40},
    "conv-NMF": {"sir": 12.1, "sdr": 9.9, "sar": 10.2, "pesq": 2.85},
    "FastICA": {"sir": 8.9, "sdr": 6.8, "sar": 8.1, "pesq": None},
}
# Until convergence, without and with the rate that adapts itself (table 3).
ITERATIONS = (450, 280)
# Between which the error of the decomposition ends, as a share of the energy (tables 2 and 3).
RELATIVE_ERRORS = (0.05, 0.09)


def implied_sdr(sir, sar):
    """The SDR that goes with an SIR and an SAR, all in dB.

    BSS Eval divides an estimate into parts that are orthogonal, so that of their energies
    1/SDR = 1/SIR + (1 + 1/SIR) / SAR. Of means over mixtures it is an upper bound: in dB the
    formula is concave.
    """
    if math.isinf(sar):
        return sir
    sir, sar = 10 ** (sir / 10), 10 ** (sar / 10)
    return -10 * math.log10(1 / sir + (1 + 1 / sir) / sar)
