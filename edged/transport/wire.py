"""Fixed-size messages of the hot path, and the words of a ring's header."""

import struct

WANT = struct.Struct("<iq")
"""Consumer to camera: slot given back or -1, last sequence number seen (of a follower: NO_WISH, or it has one)."""
NO_WISH = -1
GRANT = struct.Struct("<iqqiii")
"""Camera to consumer: slot, sequence number, capture time in ns, pixel format, width, height."""
RESULT = struct.Struct("<iiqqqqiii")
"""Accelerator to parent: slot, stream, frame's sequence number, capture time, invoke start and end in ns,
pixel format, width, height."""
GIVEN_BACK = struct.Struct("<B")
"""Parent to accelerator: a result slot that may be used again."""

HEADER = 4096
"""Bytes before a ring's first slot."""
WORD = struct.Struct("<q")
LAST_SEQ = 0
"""Offset of the header's word: the sequence number of the last complete frame."""
